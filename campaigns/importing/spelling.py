"""Dates and numbers as other countries write them, rewritten as ingest reads them. Pure.

What does not look as announced is left alone: ingest refuses it with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable

DATES = {
    "iso": "year-month-day, such as 2026-12-31 or 2026-12-31T18:30:00Z",
    "dmy": "day first, such as 31.12.2026 or 31/12/2026 18:30",
    "mdy": "month first, such as 12/31/2026 18:30",
}
DECIMALS = {".": "a point, such as 1,234.50", ",": "a comma, such as 1.234,50"}

_DATE = re.compile(
    r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?:[ T,]+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s*([AP]M))?)?",
    re.ASCII | re.IGNORECASE,
)
_SPACES = re.compile(r"[\s\u00a0\u202f']")
_COMMA = re.compile(r"[+-]?\d[\d.]*(,\d+)?", re.ASCII)
_POINT = re.compile(r"[+-]?\d[\d,]*(\.\d+)?", re.ASCII)


def moment(order: str) -> Callable[[str], str]:
    """Rewrites dates, with a time of day or without, in ISO 8601. `order` is one of DATES."""

    def rewrite(cell: str) -> str:
        found = None if order == "iso" else _DATE.fullmatch(cell.strip())
        if found is None:
            return cell
        first, second, year = int(found[1]), int(found[3]), found[4]
        day, month = (first, second) if order == "dmy" else (second, first)
        date = f"{year}-{month:02}-{day:02}"
        return f"{date}T{_hour(found):02}:{found[6]}:{found[7] or '00'}" if found[5] else date

    return rewrite


def amount(decimal: str) -> Callable[[str], str]:
    """Rewrites numbers with a decimal point and nothing between their thousands. `decimal` is one of DECIMALS."""

    def rewrite(cell: str) -> str:
        bare = _SPACES.sub("", cell)
        if decimal == "," and _COMMA.fullmatch(bare):
            return bare.replace(".", "").replace(",", ".")
        if decimal == "." and _POINT.fullmatch(bare):
            return bare.replace(",", "")
        return cell

    return rewrite


def _hour(found: re.Match[str]) -> int:
    hour, half = int(found[5]), (found[8] or "").upper()
    if half and 1 <= hour <= 12:
        return hour % 12 + (12 if half == "PM" else 0)
    return hour
