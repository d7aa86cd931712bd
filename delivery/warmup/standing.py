"""A warm-up as it stands today: for pages, lists and answers. Nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from delivery import patience
from delivery.models import Receivers, SenderDomain
from delivery.warmup import acts, picking, ramping, rates, schedule
from delivery.warmup.rates import Rates

DAYS = 14  # looked back
PATIENCE = 1.0  # seconds for counting what waits


@dataclass(frozen=True)
class Row:
    """A group of receivers today. `budget` is None where it has no bound any more."""

    receivers: str
    share: float
    step: float
    standing: str
    reason: str
    budget: int | None
    used: int
    waiting: int | None  # None when counting took too long
    rates: Rates

    @property
    def label(self) -> str:
        return str(Receivers(self.receivers).label)

    @property
    def day(self) -> int:
        """Of the ramp, counted from one."""
        return int(self.step) + 1


def of(sender: SenderDomain, *, now: datetime, zone: ZoneInfo) -> list[Row]:
    """Every group's; none where the domain has no warm-up with a bound."""
    if not sender.is_warming:
        return []
    today, ramp = now.astimezone(zone).date(), ramping.ramp(sender)
    told = {share.receivers: share for share in sender.shares.all()}
    waiting, came_back = _waiting(sender, today), rates.of(sender, now=now)
    return [
        Row(
            name,
            group.share,
            group.step,
            told[name].standing,
            told[name].reason,
            schedule.budget(ramp, group.share, group.step),
            group.used,
            waiting.get(name, 0) if waiting is not None else None,
            came_back.get(name, Rates()),
        )
        for name, group in ramping.groups(sender, today).items()
    ]


def day(sender: SenderDomain, *, now: datetime, zone: ZoneInfo) -> tuple[int, int | None]:
    """How many messages of today have their people, and of how many; None where there is no bound."""
    if not sender.is_warming:
        return 0, None
    ramp, groups = ramping.ramp(sender), ramping.groups(sender, now.astimezone(zone).date()).values()
    return sum(group.used for group in groups), whole([schedule.budget(ramp, each.share, each.step) for each in groups])


def whole(budgets: list[int | None]) -> int | None:
    """Of all groups together: no bound where one has none."""
    return None if None in budgets else sum(each or 0 for each in budgets)


def past(sender: SenderDomain, *, today: date) -> dict[date, int]:
    """What each of the last days took, without gaps from the first that took any."""
    with connection.cursor() as cursor:
        cursor.execute(_PAST, [sender.pk, today - timedelta(days=DAYS - 1)])
        found = dict(cursor.fetchall())
    if not found:
        return {}
    days = (today - min(found)).days + 1
    return {day: found.get(day, 0) for day in (min(found) + timedelta(days=n) for n in range(days))}


def as_data(sender: SenderDomain, rows: list[Row]) -> Mapping[str, Any]:
    """The warm-up as the API tells it."""
    groups = [
        {
            "receivers": row.receivers,
            "share": round(row.share, 4),
            "step": row.step,
            "standing": row.standing,
            "reason": row.reason,
            "budget": row.budget,
            "used": row.used,
            "waiting": row.waiting,
            "sent": row.rates.sent,
            "bounced": row.rates.bounced,
            "complained": row.rates.complained,
        }
        for row in rows
    ]
    return acts.told(sender) | {"groups": groups}


def _waiting(sender: SenderDomain, today: date) -> dict[str, int] | None:
    try:
        with patience.seconds(PATIENCE):
            return picking.waiting(sender, today)
    except patience.TookTooLong:
        return None


_PAST = """
SELECT pick.day, count(*) FROM delivery_warmuppick pick
LEFT JOIN delivery_message message ON message.id = pick.message_id
WHERE pick.sender_id = %s AND pick.day >= %s
  AND coalesce(message.state, '') NOT IN ('queued', 'cancelled', 'expired', 'failed')
GROUP BY pick.day
"""
