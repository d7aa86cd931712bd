"""The roll of channels: the scheme of a provider's URL to what speaks it. Adding one is a file here and a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from delivery.channels.base import Channel
from delivery.channels.email.settings import SmtpSettings
from delivery.channels.email.smtp import SmtpChannel
from delivery.channels.memory import MemoryChannel


def _smtp(url: str) -> Channel:
    return SmtpChannel(SmtpSettings.from_url(url))


CHANNELS: Mapping[str, Callable[[str], Channel]] = {
    "smtp": _smtp,
    "smtps": _smtp,
    "smtp+tls": _smtp,
    "memory": MemoryChannel,
}
