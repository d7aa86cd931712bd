"""The small values that configuration is made of: keys, durations, shares, times of day."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints, WithJsonSchema

_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhdw])\Z")
LONGEST = timedelta(days=3660)
FIRST_YEAR, LAST_YEAR = 1970, 2200


def parse_duration(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.match(value) if isinstance(value, str) else None
    if not match:
        raise ValueError("write a duration as a whole number and a unit: 30m, 24h, 7d or 8w")
    duration = timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    if duration > LONGEST:
        raise ValueError("a duration is at most ten years")
    return duration


def format_duration(value: timedelta) -> str:
    """The largest unit that divides it: 7d stays 7d, and 168h becomes 7d or 1w."""
    seconds = int(value.total_seconds())
    unit = next(unit for unit in "wdhm" if seconds % _UNITS[unit] == 0)
    return f"{seconds // _UNITS[unit]}{unit}"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,4}[mhdw]$", "examples": ["30m", "24h", "7d", "8w"]}),
]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
DomainName = Annotated[str, StringConstraints(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$")]


def check_moment(value: Any) -> Any:
    """Text only (a bare number would be read as seconds since 1970), and a year that every calendar can handle."""
    if isinstance(value, str) and not re.match(r"\d{4}-\d{2}-\d{2}", value):
        raise ValueError("write a date and time such as 2026-12-01T09:00:00")
    year = value.year if isinstance(value, datetime) else int(value[:4]) if isinstance(value, str) else None
    if year is None or not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"write a date and time between {FIRST_YEAR} and {LAST_YEAR}, such as 2026-12-01T09:00:00")
    return value


Moment = Annotated[datetime, BeforeValidator(check_moment)]
ClockTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Part(BaseModel):
    """A part of the configuration: unknown fields are errors, values never change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, str_max_length=20_000)
