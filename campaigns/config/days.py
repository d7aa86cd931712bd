"""Days that a rule names: a date, or one counted from today in the retailer's time zone. Pure."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, TypeAdapter, WithJsonSchema

from campaigns.config.values import FIRST_YEAR, LAST_YEAR, LONGEST, check_moment

_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_RELATIVE = (
    r"today|yesterday|tomorrow|start of (?:week|month|quarter|year)|[1-9][0-9]{0,3}[dw] ago|in [1-9][0-9]{0,3}[dw]"
)
_COUNTED = re.compile(r"(in )?([0-9]+)([dw])( ago)?")
_EXAMPLES = ["2026-12-01", "today", "30d ago", "in 1w", "start of month"]
CURE = (
    "write a date such as 2026-12-01, or today, yesterday, tomorrow, 30d ago, in 7d, start of week/month/quarter/year"
)
_DATETIME = TypeAdapter(datetime)


def check_day(value: Any) -> str:
    """A date that exists or words relative to today, as they are kept: `start_of_week` is `start of week`."""
    text = value.strip().replace("_", " ") if isinstance(value, str) else ""
    if re.fullmatch(_RELATIVE, text):
        if _distance(text) > LONGEST:
            raise ValueError("a day is at most ten years away")
        return text
    try:
        found = date.fromisoformat(text) if re.fullmatch(_DATE, text) else None
    except ValueError:
        found = None
    if found is None or not FIRST_YEAR - 100 <= found.year <= LAST_YEAR:
        raise ValueError(CURE)
    return text


def check_instant(value: Any) -> datetime | str:
    """A date and time, or a day in words, which begins at its midnight."""
    if isinstance(value, str) and not re.match(r"[0-9]{4}-", value):
        return check_day(value)
    return _DATETIME.validate_python(check_moment(value))


def day(text: str, today: date) -> date:
    """The day that a checked text means on a day that is `today`; a week begins on Monday."""
    if text in _NEAR:
        return today + timedelta(days=_NEAR[text])
    if text.startswith("start of "):
        return _start(text.removeprefix("start of "), today)
    if re.fullmatch(_DATE, text):
        return date.fromisoformat(text)
    return today + _distance(text) if text.startswith("in ") else today - _distance(text)


def _start(of: str, today: date) -> date:
    if of == "week":
        return today - timedelta(days=today.weekday())
    months = {"month": today.month, "quarter": today.month - (today.month - 1) % 3, "year": 1}
    return today.replace(month=months[of], day=1)


def _distance(text: str) -> timedelta:
    counted = _COUNTED.fullmatch(text)
    return timedelta(days=int(counted[2]) * (7 if counted[3] == "w" else 1)) if counted else timedelta()


_NEAR = {"yesterday": -1, "today": 0, "tomorrow": 1}
_WORDS = {"type": "string", "pattern": f"^({_RELATIVE})$"}
Day = Annotated[
    str,
    BeforeValidator(check_day),
    WithJsonSchema({"type": "string", "pattern": f"^({_DATE}|{_RELATIVE})$", "examples": _EXAMPLES}),
]
Instant = Annotated[
    datetime | str,
    BeforeValidator(check_instant),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, _WORDS]}),
]
