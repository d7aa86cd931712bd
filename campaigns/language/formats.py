"""Dates, money and numbers as people of a place write them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import (
    format_currency,
    format_decimal,
    get_currency_precision,
    get_decimal_symbol,
    get_group_symbol,
    is_currency,
)

Number = int | float | Decimal
LENGTHS = ("short", "medium", "long", "full")
MOST = Decimal(10) ** 15
_SMALL = (int, float)
_SAMPLES = (Decimal(7654321), Decimal(4321), Decimal(21), Decimal(0))
_LONGEST = 64  # characters of a number or date
_STRFTIME = {
    "a": "EEE", "A": "EEEE", "b": "MMM", "B": "MMMM", "d": "dd", "e": "d", "-d": "d", "m": "MM", "-m": "M", "y": "yy",
    "Y": "y", "H": "HH", "-H": "H", "I": "hh", "-I": "h", "M": "mm", "S": "ss", "p": "a", "%": "%", "j": "DDD",
    "F": "y-MM-dd", "T": "HH:mm:ss", "R": "HH:mm", "D": "MM/dd/yy",
}  # fmt: skip
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:?\d\d)?)?")
_PATTERN = re.compile(r"[GyMLdEeaHhKkmsS :.,/'\u2019()\-_%A-Za-z0-9]{1,60}")


class Unfit(ValueError):
    """A filter cannot do anything with a value; the message says which."""


class Exceeded(Unfit):
    """It would take more work or room than a message may; no other way of rendering it would take less."""


def remembered(function: Callable[..., str]) -> Callable[..., str]:
    """Messages of a batch say the same prices and dates: each is worked out once per process, if it is short."""
    known = lru_cache(maxsize=8192, typed=True)(function)

    def remembering(value: object, *arguments: object) -> str:
        if value.__class__ in _SMALL or (value.__class__ is str and len(value) <= _LONGEST):
            try:
                return known(value, *arguments)
            except TypeError:  # an argument that is a list
                pass
        return function(value, *arguments)

    return remembering


def money(amount: object, currency: object, locale: object) -> str:
    """`12.5` and `EUR` as `€12.50`, `12,50 €` ..., by the locale."""
    code = str(currency).strip().upper()[:10] if isinstance(currency, str) else ""
    if not is_currency(code):
        raise Unfit(f"money: {_shown(currency)} is no currency: write a code of three letters, such as EUR")
    return _money(number_of(amount, "money"), code, _name(locale))


def number(value: object, decimals: object, locale: object) -> str:
    """`1234.5` as `1,234.5`, `1.234,5` ..., by the locale; with so many decimals when given."""
    places = None if decimals is None else int(number_of(decimals, "number"))
    if places is not None and not 0 <= places <= 10:
        raise Unfit("number: 0 to 10 decimals")
    return _number(number_of(value, "number"), places, _name(locale))


def moment(value: object, form: object, locale: object, *zones: object) -> str:
    """A date, or a date and time in the first of these time zones that exists.

    `form` is short, medium, long or full; `%d %B %Y` as in other tools; or a pattern such as `d MMMM y`.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Unfit(f"date: {_shown(value)} is no date: write it as 2026-12-31 or 2026-12-31T18:00:00Z")
    wanted = form if form is not None else "medium"
    if not isinstance(wanted, str) or not _PATTERN.fullmatch(wanted):
        raise Unfit("date: write short, medium, long, full, or a pattern such as 'd MMMM y' or '%d %B %Y'")
    named = next((zone for zone in zones if isinstance(zone, str) and zone), "UTC")
    return _moment(value, wanted, _name(locale), named[:60])


def number_of(value: object, name: str) -> Decimal:
    """Raises Unfit for what is no number, or too large to be a sum of anything."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise Unfit(f"{name}: {_shown(value)} is no number")
    try:
        found = Decimal(str(value).strip()[:_LONGEST] if isinstance(value, str | float) else value)
    except (InvalidOperation, ValueError):
        raise Unfit(f"{name}: {_shown(value)} is no number") from None
    if not found.is_finite() or abs(found) >= MOST:
        raise Unfit(f"{name}: {_shown(value)} is too large")
    return found


def _money(amount: Decimal, code: str, locale: str) -> str:
    shape = _shape_of_money(code, locale) if not amount.is_signed() else None
    return shape.fill(amount) if shape else format_currency(amount, code, locale=_locale(locale))


def _number(value: Decimal, places: int | None, locale: str) -> str:
    if (
        places is None
        and not value.is_signed()
        and value == value.to_integral_value()
        and (shape := _shape_of_number(locale))
    ):
        return shape.fill(value)
    pattern = None if places is None else "#,##0." + "0" * places if places else "#,##0"
    return format_decimal(value, pattern, locale=_locale(locale))


class _Shape(NamedTuple):
    """How numbers from nought on look that differ in their digits alone: laid out in a twentieth of babel's time."""

    before: str
    group: str
    point: str
    places: int
    behind: str

    def fill(self, number: Decimal) -> str:
        digits = f"{number:,.{self.places}f}"
        if self.group != "," or self.point != ".":
            digits = digits.translate({ord(","): self.group, ord("."): self.point})
        return f"{self.before}{digits}{self.behind}"


@lru_cache(maxsize=1024)
def _shape_of_money(code: str, locale: str) -> _Shape | None:
    spoken = _locale(locale)
    return _shape(spoken, get_currency_precision(code), lambda amount: format_currency(amount, code, locale=spoken))


@lru_cache(maxsize=512)
def _shape_of_number(locale: str) -> _Shape | None:
    spoken = _locale(locale)
    return _shape(spoken, 0, lambda number: format_decimal(number, locale=spoken))


def _shape(spoken: Locale, places: int, write: Callable[[Decimal], str]) -> _Shape | None:
    """Read off what babel writes; None where its numbers differ in more than their digits."""
    bare = _Shape("", get_group_symbol(spoken), get_decimal_symbol(spoken), places, "")
    before, found, behind = write(_SAMPLES[0]).partition(bare.fill(_SAMPLES[0]))
    shape = bare._replace(before=before, behind=behind)
    return shape if found and all(write(sample) == shape.fill(sample) for sample in _SAMPLES) else None


def _moment(value: str | int | float, form: str, locale: str, zone: str) -> str:
    when = _read(value, _zone(zone))
    spoken = _locale(locale)
    is_day = not isinstance(when, datetime)
    try:
        if form in LENGTHS:
            return format_date(when, form, spoken) if is_day else _with_time(when, form, spoken)
        at = when if isinstance(when, datetime) else datetime.combine(when, time(), UTC)
        return format_datetime(at, _pattern(form), at.tzinfo, spoken)
    except (ValueError, KeyError, AttributeError):
        raise Unfit(f"date: {form!r} is no pattern") from None


def _with_time(when: date, form: str, spoken: Locale) -> str:
    """The date at the wanted length, and the time without seconds."""
    assert isinstance(when, datetime)
    day, hour = format_date(when, form, spoken), format_time(when, "short", when.tzinfo, spoken)
    return f"{day}, {hour}"


def _pattern(form: str) -> str:
    """strftime's letters as a pattern of ours; anything else is one already."""
    if "%" not in form:
        return form
    written, position = "", 0
    for found in re.finditer(r"%(-?[A-Za-z%])", form):
        written += _quoted(form[position : found.start()])
        if found[1] not in _STRFTIME:
            raise Unfit(f"date: {found[0]} is not known here")
        written += _STRFTIME[found[1]]
        position = found.end()
    return written + _quoted(form[position:])


def _quoted(text: str) -> str:
    return re.sub(r"[A-Za-z']+", lambda found: f"'{found[0].replace(chr(39), chr(39) * 2)}'", text)


def _read(value: str | float, zone: tzinfo) -> date:
    """A day, or a moment in the time zone. Seconds since 1970 are a moment."""
    try:
        if not isinstance(value, str):
            return datetime.fromtimestamp(value, zone)
        text = value.strip()[:_LONGEST]
        if not _MOMENT.fullmatch(text):
            raise ValueError
        if len(text) == 10:
            return date.fromisoformat(text)
        found = datetime.fromisoformat(text)
        return found.astimezone(zone) if found.tzinfo else found.replace(tzinfo=zone)
    except (ValueError, OverflowError, OSError):
        cure = "write it as 2026-12-31 or 2026-12-31T18:00:00Z"
        raise Unfit(f"date: {_shown(value)} is no date: {cure}") from None


@lru_cache(maxsize=512)
def _locale(name: str) -> Locale:
    try:
        return Locale.parse(name, sep="-" if "-" in name else "_")
    except (UnknownLocaleError, ValueError, TypeError):
        language = re.split(r"[-_]", name)[0]
        return Locale("en") if language == name or not language.isalpha() else _locale(language)


@lru_cache(maxsize=1024)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def _name(locale: object) -> str:
    return locale[:35] if isinstance(locale, str) and locale.isascii() and locale else "en"


def _shown(value: object) -> str:
    return repr(str(value)[:40])
