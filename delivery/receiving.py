"""Providers' webhooks in: proved to be theirs, kept as they came, answered. What they mean is worked out afterwards.

Reads    Provider
Writes   RawSignal, and the agenda in its transaction
Promise  what was acknowledged is kept, whatever dies afterwards; what its provider did not sign leaves nothing
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from delivery import folding
from delivery.channels.base import ChannelUnavailable
from delivery.channels.signals import Forged, Unreadable, WebhookRequest
from delivery.models import Provider, RawSignal
from delivery.providers import opened
from tenants import agenda
from tenants.models import Retailer

MOST_BYTES = 2 * 1024 * 1024
_SECRET = ("authorization", "cookie", "proxy-authorization")


class UnknownProvider(LookupError):
    """The retailer has no provider of that name, or one that cannot be opened any more."""


def receive(retailer: Retailer, key: str, request: WebhookRequest) -> None:
    """Keep a post until it is folded. Raises UnknownProvider, Forged, and ChannelUnavailable when it asks for something
    that cannot be done now: it is sent again.
    """
    provider = Provider.objects.filter(key=key).first()
    if provider is None:
        raise UnknownProvider(f"There is no provider {key!r}.")
    try:
        channel = opened.channel(retailer, provider)
        channel.verify(request)
    except ChannelUnavailable as problem:
        raise UnknownProvider(str(problem)) from None
    except Unreadable as problem:
        raise Forged(f"It holds no signature: {problem}.") from None
    channel.confirm(request)
    kept = {name: value for name, value in request.headers.items() if name not in _SECRET}
    with transaction.atomic():
        RawSignal.objects.create(provider=key, url=request.url[:2000], headers=kept, body=request.body)
        agenda.announce(retailer, folding.AGENDA_KIND, 0, due_at=timezone.now())
