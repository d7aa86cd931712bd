"""Which account delivers a retailer's channel. One open connection per process and account."""

from __future__ import annotations

import json
from functools import lru_cache

from django.conf import settings

from delivery.channels import CHANNELS
from delivery.channels.base import Channel, ChannelUnavailable
from tenants.models import Retailer


def channel(retailer: Retailer, name: str) -> Channel:
    """The retailer's channel of that name, ready to send. Raises ChannelUnavailable."""
    if name != "email":
        raise ChannelUnavailable(f"No provider is configured for {name}.", permanent=True)
    return _account(email_url())


def email_url() -> str:
    """EMAIL_URL, or where the built-in inbox listens. Raises ChannelUnavailable when it does not run."""
    if settings.EMAIL_URL:
        return str(settings.EMAIL_URL)
    file = settings.BANNERLINE_HOME / "inbox.json"  # written by the built-in inbox when it starts to listen
    try:
        address = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        raise ChannelUnavailable(
            "No mail server is configured: set EMAIL_URL (smtp://user:password@host:port), or start the built-in "
            "inbox with `manage.py up`."
        ) from None
    return f"smtp://{address['host']}:{address['port']}"


@lru_cache(maxsize=64)
def _account(url: str) -> Channel:
    scheme = url.partition(":")[0].lower()
    if scheme not in CHANNELS:
        known = ", ".join(f"{name}://" for name in CHANNELS)
        raise ChannelUnavailable(f"EMAIL_URL begins with {scheme}://; it must be one of {known}.", permanent=True)
    try:
        return CHANNELS[scheme](url)
    except ValueError as error:
        raise ChannelUnavailable(f"EMAIL_URL: {error}", permanent=True) from error
