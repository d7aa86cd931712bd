"""All retailers side by side, for staff: who delivers as promised, who does not, and who needs somebody.

Reads    Retailer, Vitals, AgendaItem, Stop
Promise  as many statements for 350 retailers as for one, and none in a retailer's schema; trouble comes first
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Min

from tenants.models import AgendaItem, Retailer, Stop, Vitals
from tenants.objectives import ALERTS, Complaints, Level, Tried, fires

LATE = timedelta(minutes=15)  # that something may be due and not begun
OLD = timedelta(hours=2)  # after which vitals say nothing of now
_NOTHING = Tried(0, 0)


@dataclass(frozen=True)
class Row:
    """One retailer. `as_of` is None where nothing was counted yet; `troubles` are told gravest first."""

    retailer: Retailer
    as_of: datetime | None
    hour: Tried
    day: Tried
    month: Tried
    complaints: Complaints
    worst: tuple[str, Complaints] | None  # the group of receivers where complaints are most
    bounced: int
    taken: int
    waits: timedelta | None  # the oldest work that is due and not in anybody's hands
    running: int
    paused: int
    unknowns: int
    last_sent_at: datetime | None
    troubles: list[tuple[int, str]] = field(default_factory=list)

    @property
    def gravity(self) -> int:
        return max((weight for weight, _ in self.troubles), default=0)

    @property
    def bounce_share(self) -> float | None:
        return self.bounced / self.taken if self.taken else None

    @property
    def shares(self) -> list[str]:
        """In percent, as its line says them: success of the hour, the day and the month, complaints, bounces."""
        found = [(each.success, 2) for each in (self.hour, self.day, self.month)]
        found += [(self.complaints.share, 3), (self.bounce_share, 2)]
        return ["-" if share is None else f"{100 * share:.{digits}f} %" for share, digits in found]

    @property
    def queue(self) -> str:
        return _told(self.waits) if self.waits and self.waits >= timedelta(minutes=1) else "-"

    @property
    def words(self) -> list[str]:
        return [words for _, words in self.troubles]


def rows(*, now: datetime) -> list[Row]:
    """Of every retailer that is not being made or taken down; those in trouble first, then who sends most."""
    vitals = {each.retailer_id: each for each in Vitals.objects.all()}
    waiting = AgendaItem.objects.filter(due_at__lte=now, parked_at=None).exclude(claimed_until__gt=now)
    oldest = dict(waiting.values_list("retailer_id").annotate(Min("due_at")).order_by())
    parked = set(AgendaItem.objects.exclude(parked_at=None).values_list("retailer_id", flat=True))
    stopped = set(Stop.objects.exclude(retailer=None).values_list("retailer_id", flat=True))
    found = [
        _row(
            retailer,
            vitals.get(retailer.pk),
            oldest.get(retailer.pk),
            retailer.pk in parked,
            retailer.pk in stopped,
            now,
        )
        for retailer in Retailer.objects.filter(status__in=("active", "suspended"))
    ]
    return sorted(found, key=lambda row: (-row.gravity, -len(row.troubles), -row.month.tried, row.retailer.slug))


def as_data(row: Row) -> dict[str, Any]:
    """Plain JSON data; shares are of one, not of a hundred."""
    return {
        "slug": row.retailer.slug,
        "name": row.retailer.name,
        "status": row.retailer.status,
        "as_of": row.as_of.isoformat() if row.as_of else None,
        "success": {"hour": row.hour.success, "day": row.day.success, "month": row.month.success},
        "tried": {"hour": row.hour.tried, "day": row.day.tried, "month": row.month.tried},
        "complaint_share": row.complaints.share,
        "bounce_share": row.bounce_share,
        "queue_seconds": row.waits.total_seconds() if row.waits else 0,
        "running": row.running,
        "paused": row.paused,
        "unknowns": row.unknowns,
        "last_sent_at": row.last_sent_at.isoformat() if row.last_sent_at else None,
        "troubles": row.words,
    }


def _row(
    retailer: Retailer, vitals: Vitals | None, due: datetime | None, is_parked: bool, is_stopped: bool, now: datetime
) -> Row:
    waits = now - due if due and retailer.status == "active" else None
    if vitals is None:
        row = Row(retailer, None, _NOTHING, _NOTHING, _NOTHING, Complaints(0, 0), None, 0, 0, waits, 0, 0, 0, None)
    else:
        groups = {name: Complaints(*numbers) for name, numbers in vitals.receivers.items()}
        row = Row(
            retailer=retailer,
            as_of=vitals.as_of,
            hour=_since(vitals, now - timedelta(hours=1)),
            day=Tried(vitals.day_tried, vitals.day_missed),
            month=Tried(vitals.month_tried, vitals.month_missed),
            complaints=Complaints(
                sum(each.delivered for each in groups.values()), sum(each.complained for each in groups.values())
            ),
            worst=max(groups.items(), key=lambda each: (each[1].level != Level.FINE, each[1].share or 0), default=None),
            bounced=vitals.month_bounced,
            taken=vitals.month_taken,
            waits=waits,
            running=vitals.running,
            paused=vitals.paused,
            unknowns=vitals.unknowns,
            last_sent_at=vitals.last_sent_at,
        )
        row.troubles.extend(_burning(vitals, now))
        row.troubles.extend(_complained(row))
    row.troubles.extend(_standing(row, is_parked, is_stopped, now))
    row.troubles.sort(key=lambda each: -each[0])
    return row


def _burning(vitals: Vitals, now: datetime) -> list[tuple[int, str]]:
    for weight, alert in zip((9, 7), ALERTS, strict=True):
        long, short = _since(vitals, now - alert.long), _since(vitals, now - alert.short)
        if fires(alert, long, short):
            hours = alert.long // timedelta(hours=1)
            return [(weight, f"{alert.name}: {long.burn:,.0f} times what a month bears, over {hours} h")]
    return []


def _complained(row: Row) -> list[tuple[int, str]]:
    if row.worst is None or row.worst[1].level == Level.FINE:
        return []
    name, complaints = row.worst
    weight = 8 if complaints.level == Level.PAUSE else 5
    return [(weight, f"complaints {complaints.percent:.2f} % at {name}")]


def _standing(row: Row, is_parked: bool, is_stopped: bool, now: datetime) -> list[tuple[int, str]]:
    """What stands still."""
    told = [
        (6, "work is parked: it failed again and again", is_parked),
        (4, f"work waits for {_told(row.waits)}", row.waits is not None and row.waits > LATE and not is_stopped),
        (4, f"{row.unknowns:,} unknown", row.unknowns > 0),
        (3, f"{row.paused} paused run{'' if row.paused == 1 else 's'}", row.paused > 0),
        (2, "sending is stopped", is_stopped),
        (1, "not counted for a while", bool(row.as_of and now - row.as_of > OLD and row.retailer.status == "active")),
    ]
    return [(weight, words) for weight, words, is_so in told if is_so]


def _since(vitals: Vitals, since: datetime) -> Tried:
    """Of the slots, in their order, that began since then or just before: no window is shorter than it says."""
    begins, tried, missed = since.timestamp() // 300 * 300, 0, 0
    for at, of_slot, missed_of_slot in reversed(vitals.recent):
        if at < begins:
            break
        tried, missed = tried + of_slot, missed + missed_of_slot
    return Tried(tried, missed)


def _told(waits: timedelta | None) -> str:
    minutes = int((waits or timedelta()).total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
