"""A test message by one provider, whatever its breaker and limits say. It is no part of any ledger.

A retailer sends so many tests in an hour and no more, and none while sending is stopped.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from html import escape

from campaigns import content
from delivery.channels.base import Content, Envelope, Outbound, Outcome, PushContent, SmsContent, WebhookContent
from delivery.models import Provider
from delivery.providers import hourly, opened, stopped
from tenants.models import Retailer

SECONDS = 15.0  # a person waits for the answer
_RECIPIENTS = {
    "email": "An e-mail address",
    "sms": "A phone number such as +4915112345678",
    "push": "A device's registration token, or a browser's subscription as JSON",
    "webhook": "A customer's id, for the document",
}


def send(retailer: Retailer, provider: Provider, *, to: str, now: datetime) -> Outcome:
    """Raises ChannelUnavailable, and Invalid for more than the hour allows."""
    stopped.check(retailer)
    brand = content.brand()
    words = f"A test of {provider.key} at {retailer.name}."
    envelope = Envelope(brand.from_email, brand.from_name, brand.from_email, brand.reply_to)
    hourly.count("provider", provider.key, 1, 1, now=now)
    channel = opened.fresh(retailer, provider)
    try:
        (outcome,) = channel.send(envelope, [_outbound(provider.channel, to, words)], seconds=SECONDS)
    finally:
        channel.close()
    return outcome


def recipient(channel: str) -> str:
    """What a test wants to be told."""
    return _RECIPIENTS[channel]


def _outbound(channel: str, to: str, words: str) -> Outbound:
    key = str(uuid.uuid4())
    if channel == "email":
        return Outbound(key, to, f"[Test] {words}", f"<p>{escape(words, quote=False)}</p>", words)
    said: Mapping[str, Content] = {
        "sms": SmsContent(words),
        "push": PushContent("Test", words),
        "webhook": WebhookContent({"test": True, "customer": to, "text": words}),
    }
    return Outbound(key, to, content=said[channel])
