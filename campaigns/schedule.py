"""When a campaign is due: wall-clock times of the retailer into instants. Pure.

Daylight saving, said out loud: an hour that does not exist moves on by the gap (02:30 becomes 03:30), and of an hour
that happens twice the first counts, so nothing fires never or twice. Recurrence rules are RFC 5545's, read by dateutil.
"""

from __future__ import annotations

from calendar import IllegalMonthError, monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

from campaigns.config.campaign import RecurringTrigger, ScheduleTrigger

HORIZON = timedelta(days=5 * 366)  # how far ahead a recurrence is looked for
_FREQUENCIES = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}
_PARTS = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYMONTHDAY", "BYDAY", "BYHOUR", "BYMINUTE"}


@dataclass(frozen=True)
class Occurrence:
    """One time that a campaign is due. `key` names it for good; it is unique in its campaign."""

    key: str
    at: datetime


def only_occurrence(trigger: ScheduleTrigger, zone: ZoneInfo) -> Occurrence:
    return _occurrence(instant(trigger.at, zone))


def next_occurrence(trigger: RecurringTrigger, zone: ZoneInfo, *, after: datetime) -> Occurrence | None:
    """The first occurrence later than `after`; None when there is none within five years. Raises ValueError.

    Without `starts`, the rule counts from `after`, to the minute.
    """
    starts = trigger.starts or after
    start = starts.astimezone(zone).replace(tzinfo=None) if starts.tzinfo else starts
    for local in _times(trigger.rrule, start, until=after.astimezone(zone).replace(tzinfo=None) + HORIZON):
        at = instant(local, zone)
        if at > after:
            return _occurrence(at)
    return None


def instant(wall_clock: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a wall-clock time in `zone`; one with an offset of its own keeps it."""
    if wall_clock.tzinfo is None:
        wall_clock = wall_clock.replace(tzinfo=zone, fold=0)
    return wall_clock.astimezone(UTC)


def check_rule(trigger: RecurringTrigger) -> None:
    """Raises ValueError with the cure."""
    if "COUNT=" in trigger.rrule.upper() and trigger.starts is None:
        raise ValueError("a rule with COUNT needs `starts`, to count from")
    _parse(trigger.rrule, datetime(2026, 1, 1))  # noqa: DTZ001 -- wall-clock time


def _parse(text: str, start: datetime) -> rrule:
    parts = dict(part.split("=", 1) for part in text.upper().split(";") if "=" in part)
    foreign = sorted(set(parts) - _PARTS)
    if foreign:
        raise ValueError(f"{foreign[0]} cannot be used; known: {', '.join(sorted(_PARTS))}")
    if parts.get("FREQ") not in _FREQUENCIES:
        raise ValueError("begin with FREQ=DAILY, WEEKLY, MONTHLY or YEARLY; for hours add BYHOUR=9,17")
    _check_days(parts)
    try:
        parsed = rrulestr(text, dtstart=start)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise ValueError(f"this is no RFC 5545 rule such as FREQ=WEEKLY;BYDAY=MO;BYHOUR=9 ({error})") from None
    if not isinstance(parsed, rrule):
        raise ValueError("give one rule only")
    return parsed


def _check_days(parts: dict[str, str]) -> None:
    """A rule that can never hold is refused here: dateutil would look for its first day up to the year 9999."""
    if "BYMONTHDAY" not in parts or parts["FREQ"] == "WEEKLY":
        if "BYMONTHDAY" in parts:
            raise ValueError("FREQ=WEEKLY has days of the week (BYDAY), not of the month")
        return
    try:
        days = [abs(int(day)) for day in parts["BYMONTHDAY"].split(",")]
        months = [int(month) for month in parts.get("BYMONTH", "1").split(",")]
        longest = max(monthrange(2024, month)[1] for month in months)
    except (ValueError, IllegalMonthError):
        raise ValueError("BYMONTHDAY and BYMONTH are whole numbers such as BYMONTH=2;BYMONTHDAY=1,15") from None
    if min(days) > longest:
        raise ValueError(f"the day {parts['BYMONTHDAY']} does not exist in the month {parts['BYMONTH']}")


def _times(text: str, start: datetime, *, until: datetime) -> takewhile[datetime]:
    rule = _parse(text, start.replace(second=0, microsecond=0))
    if "UNTIL=" not in text.upper() and "COUNT=" not in text.upper():
        rule = rule.replace(until=until)  # a rule that never holds would be searched to the year 9999
    return takewhile(lambda local: local <= until, rule)


def _occurrence(at: datetime) -> Occurrence:
    return Occurrence(f"schedule:{at.isoformat()}", at)
