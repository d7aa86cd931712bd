"""Somebody wants nothing more on a channel: kept as what came of a message, told to subscriptions, and a reason to look
at its run. By whichever door: a link, the page of preferences, an answer to a text message.

Reads    Message
Writes   Signal; Notice and the agenda, in its transaction
Promise  each is kept once, told once and looked at, or none of it is
"""

from __future__ import annotations

from django.utils import timezone

from delivery import alarms, notices, signals
from delivery.notices import Happened
from delivery.signals import Heard
from tenants import context


def note(heard: Heard) -> bool:
    """Within a transaction. Whether it is new; `detail` is the channel."""
    if not signals.record([heard]):
        return False
    retailer, name = context.current(), f"{heard.source}/{heard.event}"
    at, more = heard.at or timezone.now(), {"detail": heard.detail}
    alarms.expect(retailer, alarms.runs_of([heard.message_id]))
    notices.of_messages(retailer, [Happened("customer.unsubscribed", heard.message_id, name, at, more)])
    return True
