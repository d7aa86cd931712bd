"""The parts of a campaign's configuration in words that a marketer knows. Pure.

Each function takes plain data as a draft may hold it; what cannot be read is told as compact JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from campaigns import sentences
from campaigns.config import campaign as parts
from campaigns.config.gate import Invalid, parse
from campaigns.config.rules import RULE
from campaigns.config.values import Duration, Share

NOT_SET = "not set"
RHYTHMS = {
    "FREQ=DAILY": "every day",
    "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR": "Monday to Friday",
    "FREQ=WEEKLY": "every week",
    "FREQ=MONTHLY": "every month",
    "FREQ=YEARLY": "every year",
}
MODES = {
    "now": "at once",
    "fixed": "at the time the campaign starts",
    "recipient": "at the recipient's own time of day",
    "best_hour": "at each person's best hour",
}
METHODS = {"bandit": "more and more of the best", "winner": "the winner takes the rest", "fixed": "even shares"}

_TRIGGER: TypeAdapter[Any] = TypeAdapter(parts.Trigger)
_GOAL = TypeAdapter(parts.Goal)
_CAP = TypeAdapter(parts.PerCustomer)
_AFTER = TypeAdapter(parts.After)
_OPTIMISE = TypeAdapter(parts.Optimise)
_RELEASE = TypeAdapter(parts.Release)
_DURATION: TypeAdapter[timedelta] = TypeAdapter(Duration)
_SHARE: TypeAdapter[float] = TypeAdapter(Share)


def plain(value: Any) -> str:
    """Text as it is, true and false as yes and no, nothing as `not set`, all else as compact JSON."""
    if value is None or value in ("", [], {}):
        return NOT_SET
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else compact(value)


def compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)


def rule(value: Any) -> str:
    return _read(RULE, value, sentences.sentence)


def trigger(value: Any) -> str:
    """`on 1 December 2026 at 09:00`, `every week from ...`, `after “order”, 2 hours later`, `when launched`."""
    return _read(_TRIGGER, value, _trigger)


def goal(value: Any) -> str:
    return _read(_GOAL, value, lambda goal: f"“{goal.event}” within {sentences.duration(goal.within)}")


def cap(value: Any) -> str:
    return _read(_CAP, value, lambda cap: f"{_counted(cap.messages, 'message')} in {sentences.duration(cap.per)}")


def wait(value: Any) -> str:
    return _read(_AFTER, value, lambda after: f"{sentences.duration(after.delay)} after step {after.step}")


def release(value: Any) -> str:
    """`in 8 waves over 4 hours`"""
    return _read(_RELEASE, value, lambda one: f"in {one.waves} waves over {sentences.duration(one.over)}")


def optimise(value: Any) -> str:
    return _read(_OPTIMISE, value, _optimise)


def duration(value: Any) -> str:
    return _read(_DURATION, value, sentences.duration)


def share(value: Any) -> str:
    return _read(_SHARE, value, lambda share: f"{share * 100:g} %")


def mode(value: Any) -> str:
    return MODES.get(value, value) if isinstance(value, str) else plain(value)


def window(value: Any) -> str:
    is_pair = isinstance(value, list | tuple) and len(value) == 2
    return f"{plain(value[0])} to {plain(value[1])}" if is_pair else plain(value)


def _read(adapter: TypeAdapter[Any], value: Any, words: Callable[[Any], str]) -> str:
    if value is None:
        return NOT_SET
    try:
        return words(parse(adapter, value))
    except Invalid:
        return plain(value)


def _trigger(trigger: Any) -> str:
    if isinstance(trigger, parts.EventTrigger):
        return _event_trigger(trigger)
    if isinstance(trigger, parts.ApiTrigger):
        return "when launched"
    late = f", or up to {sentences.duration(trigger.grace)} late" if "grace" in trigger.model_fields_set else ""
    if isinstance(trigger, parts.ScheduleTrigger):
        return f"on {_moment(trigger.at)}{late}"
    rhythm = RHYTHMS.get(trigger.rrule, f"again and again ({trigger.rrule})")
    return f"{rhythm} from {_moment(trigger.starts)}{late}" if trigger.starts else f"{rhythm}{late}"


def _event_trigger(trigger: parts.EventTrigger) -> str:
    delay = f", {sentences.duration(trigger.delay)} later" if trigger.delay else ""
    often = f", at most once in {sentences.duration(trigger.once_per)}" if trigger.once_per else ""
    return f"after “{trigger.name}”{delay}{often}"


def _optimise(optimise: parts.Optimise) -> str:
    if optimise.method == "fixed":
        return METHODS["fixed"]
    over = f" over {sentences.duration(optimise.over)}" if optimise.over else ""
    waves = f"{_counted(optimise.waves, 'wave')}{over}"
    return f"{METHODS[optimise.method]} by {optimise.metric}, {waves}, at least {optimise.floor * 100:g} % each"


def _moment(at: datetime) -> str:
    offset = f" (UTC{at:%z})" if at.tzinfo else ""
    return f"{at:%-d %B %Y} at {at:%H:%M}{offset}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
