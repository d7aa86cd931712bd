"""What came back from each group of receivers: the one place where bounces and complaints of a warm-up are counted.

Reads    WarmUpPick, Message, Signal
Promise  a message counts once, by what the ledger and the signals say of it now

A message that the receiver's server refused counts as bounced. Those that were handed over before the group was last
judged (`judged_from`), or longer ago than `WINDOW`, do not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from delivery.models import SenderDomain

WINDOW = timedelta(days=7)


@dataclass(frozen=True)
class Rates:
    """Messages that were handed over to a group, and how many of them bounced or were complained of."""

    sent: int = 0
    bounced: int = 0
    complained: int = 0


def of(sender: SenderDomain, *, now: datetime) -> dict[str, Rates]:
    """By group; those that got nothing are left out."""
    with connection.cursor() as cursor:
        cursor.execute(_RATES, {"sender": sender.pk, "since": now - WINDOW})
        return {receivers: Rates(*numbers) for receivers, *numbers in cursor.fetchall()}


_RATES = """
SELECT receivers, count(*), count(*) FILTER (WHERE is_bounced), count(*) FILTER (WHERE is_complained)
FROM (
    SELECT DISTINCT pick.receivers, message.id,
        message.state IN ('bounced', 'rejected') OR EXISTS (
            SELECT FROM delivery_signal signal
            WHERE signal.message_id = message.id AND signal.kind = 'bounce' AND signal.is_hard
        ) AS is_bounced,
        EXISTS (
            SELECT FROM delivery_signal signal WHERE signal.message_id = message.id AND signal.kind = 'complaint'
        ) AS is_complained
    FROM delivery_warmupshare share
    JOIN delivery_warmuppick pick ON pick.sender_id = share.sender_id AND pick.receivers = share.receivers
      AND pick.day >= %(since)s::date - 1
    JOIN delivery_message message ON message.id = pick.message_id
      AND message.settled_at > greatest(share.judged_from, %(since)s)
    WHERE share.sender_id = %(sender)s AND message.state IN ('accepted', 'delivered', 'bounced', 'rejected', 'unknown')
) handed
GROUP BY receivers
"""
