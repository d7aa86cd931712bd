"""When a campaign is due: wall-clock times of the retailer into instants. Pure.

Daylight saving, said out loud: an hour that does not exist moves on by the gap (02:30 becomes 03:30), and of an hour
that happens twice the first counts, so nothing fires never or twice. Recurrence rules are RFC 5545's, read by dateutil.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

from campaigns.config.campaign import RecurringTrigger, ScheduleTrigger

HORIZON = timedelta(days=5 * 366)  # how far ahead a recurrence is looked for
_FREQUENCIES = re.compile(r"FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(;|\Z)", re.IGNORECASE)
_FOREIGN = re.compile(r"(?i)\b(DTSTART|EXDATE|RDATE|EXRULE|BYSECOND|BYEASTER)\b|[\r\n]")


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
    if not _FREQUENCIES.search(text):
        raise ValueError("begin with FREQ=DAILY, WEEKLY, MONTHLY or YEARLY; for hours add BYHOUR=9,17")
    if _FOREIGN.search(text):
        raise ValueError("give one rule only, without DTSTART, EXDATE, RDATE or seconds; `starts` says when it begins")
    try:
        parsed = rrulestr(text, dtstart=start)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise ValueError(f"this is no RFC 5545 rule such as FREQ=WEEKLY;BYDAY=MO;BYHOUR=9 ({error})") from None
    if not isinstance(parsed, rrule):
        raise ValueError("give one rule only")
    return parsed


def _times(text: str, start: datetime, *, until: datetime) -> takewhile[datetime]:
    rule = _parse(text, start.replace(second=0, microsecond=0))
    if "UNTIL=" not in text.upper() and "COUNT=" not in text.upper():
        rule = rule.replace(until=until)  # a rule that never holds would be searched to the year 9999
    return takewhile(lambda local: local <= until, rule)


def _occurrence(at: datetime) -> Occurrence:
    return Occurrence(f"schedule:{at.isoformat()}", at)
