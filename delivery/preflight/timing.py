"""When the messages would go out: by the hour, and over how many days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from campaigns import configuration
from campaigns.compiler import Sql
from campaigns.config import policy as rules
from campaigns.config.campaign import EventTrigger, ScheduleTrigger, Step, Timing
from campaigns.models import Campaign
from delivery import volume
from delivery.preflight import warming
from delivery.preflight.asking import Asked, rows
from tenants import context

_BY_RECIPIENT = ("recipient", "best_hour")
SECONDS = 20.0
MOST_DAYS = 3660


def of(asked: Asked, campaign: Campaign, reached: Sequence[int], senders: Mapping[str, str]) -> dict[str, Any]:
    """`reached` are the people of each step, in order; `senders` the domains of those that send e-mail."""
    times = hours(asked, campaign, reached)
    by_step = {step.key: number for step, number in zip(asked.config.steps, reached, strict=True)}
    warm_up = warming.of(asked, senders, begin(asked, campaign), by_step)
    return {"times": times, "days": days(asked, times, warm_up)}


def hours(asked: Asked, campaign: Campaign, reached: Sequence[int]) -> dict[str, Any]:
    """Messages by the hour in which they come due; `reached` are the people of each step, in order."""
    zone = context.current().tzinfo
    begins = begin(asked, campaign)
    people = _zones(asked, zone) if asked.config.timing.mode in _BY_RECIPIENT else {zone: 1}
    everybody = sum(people.values()) or 1
    found: Counter[datetime] = Counter()
    for step, number in zip(asked.config.steps, reached, strict=True):
        due = begins + asked.config.delay_of(step)
        for after, part in _releases(step, number):
            for theirs, share in people.items():
                at = opens(asked.config.timing, due + after, theirs)
                at = rules.opens_at(asked.policy, at, zone) or at
                found[_hour(at, zone)] += round(part * share / everybody)
    return {
        "zone": zone.key,
        "hours": [{"at": at.isoformat(), "messages": found[at]} for at in sorted(found) if found[at]],
        "note": _note(asked),
    }


def days(
    asked: Asked, times: dict[str, Any], warm_up: Sequence[Mapping[str, Any]] | None = None
) -> dict[str, Any] | None:
    """Over how many days these messages go out when a day has a ceiling, or a sender's domain warms up; None where
    nothing bounds a day.
    """
    most = asked.policy.max_per_day
    if (most is None and not warm_up) or not times["hours"]:
        return None
    zone = context.current().tzinfo
    today = asked.now.astimezone(zone).date()
    used = volume.used(today, zone) if most is not None else None
    due: Counter[date] = Counter()
    for each in times["hours"]:
        due[datetime.fromisoformat(each["at"]).date()] += each["messages"]
    first = min(due)
    last = max(due) if most is None else _last_day(due, most, {today: used or 0})
    if warm_up and (ahead := warming.days_of(warm_up)):
        last = max(last, ahead[1])
    return {
        "max_per_day": most,
        "used_today": used,
        "days": (last - first).days + 1,
        "last_day": last.isoformat(),
        "warm_up": warm_up,
    }


def begin(asked: Asked, campaign: Campaign) -> datetime:
    """When the next run begins: at its time, or now for one that is started by hand."""
    trigger = asked.config.trigger
    if isinstance(trigger, EventTrigger):
        return asked.now + (trigger.delay or timedelta())
    due = configuration.next_of(campaign, asked.config, after=asked.now)
    is_over = isinstance(trigger, ScheduleTrigger) and due is not None and due.at < asked.now
    return asked.now if due is None or is_over else due.at


def opens(timing: Timing, due: datetime, zone: ZoneInfo) -> datetime:
    """The first moment from `due` on that lies in the window, by the clocks of `zone`."""
    if timing.window is None or timing.mode not in _BY_RECIPIENT:
        return due
    start, end = map(time.fromisoformat, timing.window)
    local = due.astimezone(zone)
    now = local.time().replace(tzinfo=None)
    is_open = start <= now < end if start < end else now >= start or now < end
    if is_open or start == end:
        return due
    day = local.date() if now < start else local.date() + timedelta(days=1)
    return datetime.combine(day, start, tzinfo=zone)


def _releases(step: Step, number: int) -> Iterator[tuple[timedelta, int]]:
    """How many go how long after the step comes due: all at once, or wave by wave."""
    release = step.waves
    if release is None:
        yield timedelta(), number
        return
    for wave in range(release.waves):
        so_far, then = (number * n // release.waves for n in (wave, wave + 1))
        yield wave * release.over / release.waves, then - so_far


def _zones(asked: Asked, own: ZoneInfo) -> dict[ZoneInfo, int]:
    """Of those included, how many live by which clocks; who has told none, or none that there is, by the retailer's."""
    counted = f"""
        SELECT c.timezone, count(*) FROM ({asked.chosen.text}) judged
        JOIN campaigns_customer c ON c.id = judged.customer_id WHERE judged.reason = '' GROUP BY 1
    """
    found: Counter[ZoneInfo] = Counter()
    for name, number in rows(Sql(counted, asked.chosen.params), seconds=SECONDS):
        found[clocks(name, own)] += number
    return dict(found)


def clocks(name: str, own: ZoneInfo) -> ZoneInfo:
    """The time zone of that name; the retailer's `own` where there is none such."""
    try:
        return ZoneInfo(name) if name else own
    except (ValueError, OSError):
        return own


def _hour(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(minute=0, second=0, microsecond=0)


def _last_day(due: Counter[date], most: int, used: dict[date, int]) -> date:
    """The day on which the last message finds room."""
    day, waiting = min(due), 0
    last = max(due)
    for _ in range(MOST_DAYS):
        waiting += due.get(day, 0)
        waiting -= min(waiting, max(0, most - used.get(day, 0)))
        if waiting == 0 and day >= last:
            break
        day += timedelta(days=1)
    return day


def _note(asked: Asked) -> str:
    if isinstance(asked.config.trigger, EventTrigger):
        return "As if everybody did now what sets the campaign off."
    if asked.config.timing.mode == "best_hour":
        return "By everybody's own window; the best hour within it is chosen when the messages are planned."
    return ""
