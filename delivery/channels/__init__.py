"""The rolls of channels: kinds of providers by name, and platform mail servers by the scheme of their URL.

Adding a channel is a file with its KIND, and a line here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from delivery.channels import file, memory, push, webhook
from delivery.channels.base import Channel
from delivery.channels.email import mailgun, postmark, relay, resend, sendgrid, ses
from delivery.channels.email.settings import SmtpSettings
from delivery.channels.email.smtp import SmtpChannel
from delivery.channels.kinds import Kind
from delivery.channels.memory import MemoryChannel
from delivery.channels.push import fcm, webpush
from delivery.channels.sms import gateway, twilio

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        relay.KIND,
        ses.KIND,
        sendgrid.KIND,
        mailgun.KIND,
        postmark.KIND,
        resend.KIND,
        twilio.KIND,
        gateway.KIND,
        fcm.KIND,
        webpush.KIND,
        webhook.KIND,
        memory.KIND,
        file.KIND,
    )
}


def form(channel: str, address: str) -> str:
    """Which of a channel's forms of address this is: not every kind delivers to all of them (Kind.takes)."""
    return push.form(address) if channel == "push" else ""


def _smtp(url: str) -> Channel:
    return SmtpChannel(SmtpSettings.from_url(url))


CHANNELS: Mapping[str, Callable[[str], Channel]] = {
    "smtp": _smtp,
    "smtps": _smtp,
    "smtp+tls": _smtp,
    "memory": MemoryChannel,
}
