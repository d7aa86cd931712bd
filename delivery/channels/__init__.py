"""The rolls of channels: kinds of providers by name, and platform mail servers by the scheme of their URL.

Adding a channel is a file with its KIND, and a line here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from delivery.channels import file, memory
from delivery.channels.base import Channel
from delivery.channels.email import relay
from delivery.channels.email.settings import SmtpSettings
from delivery.channels.email.smtp import SmtpChannel
from delivery.channels.kinds import Kind
from delivery.channels.memory import MemoryChannel

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        relay.KIND,
        memory.KIND,
        file.KIND,
    )
}


def _smtp(url: str) -> Channel:
    return SmtpChannel(SmtpSettings.from_url(url))


CHANNELS: Mapping[str, Callable[[str], Channel]] = {
    "smtp": _smtp,
    "smtps": _smtp,
    "smtp+tls": _smtp,
    "memory": MemoryChannel,
}
