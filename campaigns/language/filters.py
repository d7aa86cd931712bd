"""What a template's filters do with values from anywhere: strings of any length, numbers of any size, nothing at all.

Each is a function of its arguments alone. A value that is missing raises MissingValue, one that cannot be used Unfit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from html import escape as html_escape
from typing import Any
from urllib.parse import quote

from campaigns.language import formats
from campaigns.language.formats import Exceeded, Unfit, number_of

MAX_TEXT = 256 * 1024  # characters that one filter hands on
MAX_PARTS = 1000
_ELLIPSIS = "…"
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_SCHEME = re.compile(r"(?i)(?:https?|mailto|tel|sms|cid):")
_PLAIN_LINK = re.compile(r"[A-Za-z0-9._~/-]*").fullmatch
_WEB_LINK = re.compile(r"https?://[A-Za-z0-9._~/?&=%#:+-]*").fullmatch
_FOR_CSS = re.compile(r"[^\w\s#.,%+-]", re.ASCII)
_CONTROLS = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]")
_LINK_SAFE = "!#$%&'()*+,/:;=?@[]~"


class MissingValue(ValueError):
    """The person lacks a value that the template needs and gives no default for."""


def is_missing(value: object) -> bool:
    """None, and text that would not be seen."""
    return value is None or (isinstance(value, str) and (not value or value.isspace()))


def _text(value: object) -> str:
    if value is None:
        raise MissingValue
    if isinstance(value, str):
        return _checked(value)
    if isinstance(value, dict | list | tuple):
        raise Unfit("a list is not a text: use | join, or a loop")
    return str(value)


def _checked(text: str) -> str:
    _check_size(len(text))
    return text


def _check_size(characters: int) -> None:
    """Before a text of that many is made: a template can ask for far more than there is room for."""
    if characters > MAX_TEXT:
        raise Exceeded(f"a value larger than {MAX_TEXT // 1024} KB")


def default(value: Any, fallback: Any) -> Any:
    return fallback if is_missing(value) else value


def upper(value: object) -> str:
    return _text(value).upper()


def lower(value: object) -> str:
    return _text(value).lower()


def capitalize(value: object) -> str:
    text = _text(value)
    return text[:1].upper() + text[1:].lower()


def title(value: object) -> str:
    """Each word with a capital; what stands behind an apostrophe is not a word of its own: O'Brien, but It's."""
    return re.sub(r"[^\W\d_]+(?:['\u2019][^\W\d_]{1,2}(?![^\W\d_]))?", lambda word: word[0].capitalize(), _text(value))


def trim(value: object, signs: object = None) -> str:
    return _text(value).strip(None if signs is None else _text(signs)[:100])


def truncate(value: object, length: object, end: object = _ELLIPSIS) -> str:
    """At most `length` characters, the end included; never in the middle of an entity such as `&amp;`."""
    if value.__class__ is str and length.__class__ is int and len(value) <= length:
        return value
    text, most, ending = _text(value), _count(length, "truncate"), _text(end)[:100]
    if len(text) <= most:
        return text
    kept = max(most - len(ending), 0)
    if "&" in text:
        for entity in _ENTITY.finditer(text, max(kept - 40, 0), kept + 40):
            if entity.start() < kept < entity.end():
                kept = entity.start()
    while not text.isascii() and 0 < kept < len(text) and _continues(text[kept]):  # an accent, or the rest of an emoji
        kept -= 1
    return text[:kept].rstrip() + ending


def truncatewords(value: object, words: object, end: object = _ELLIPSIS) -> str:
    """At most so many words."""
    text, most = _text(value), max(_count(words, "truncatewords"), 1)
    found = text.split(None, most)
    return text if len(found) <= most else " ".join(found[:most]) + _text(end)[:100]


def plural(number: object, one: object, many: object) -> str:
    """The word for so many. It does not write the number."""
    return _text(one if number_of(_given(number), "plural") == 1 else many)


def replace(value: object, old: object, new: object) -> str:
    text, old, new = _text(value), _text(old), _text(new)
    if not old:
        return text
    _check_size(len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


def split(value: object, sign: object) -> list[str]:
    text, by = _text(value), _text(sign)
    return text.split(by, MAX_PARTS) if by else list(text[:MAX_PARTS])


def join(value: object, sign: object = ", ") -> str:
    if value is None:
        raise MissingValue
    if not isinstance(value, list | tuple):
        raise Unfit("join: this is no list")
    between, texts = _text(sign), [_text(each) for each in value if not is_missing(each)]
    _check_size(sum(map(len, texts)) + len(between) * max(len(texts) - 1, 0))
    return between.join(texts)


def escape(value: object) -> str:
    return html_escape(_text(value))


def urlencode(value: object) -> str:
    return quote(_checked(_text(value)), safe="", errors="replace")


@formats.remembered
def money(value: object, currency: object, locale: object) -> str:
    return formats.money(_given(value), currency, locale)


@formats.remembered
def number(value: object, decimals: object, locale: object) -> str:
    return formats.number(_given(value), decimals, locale)


@formats.remembered
def date(value: object, form: object, locale: object, *zones: object) -> str:
    return formats.moment(_given(value), form, locale, *zones)


def round_(value: object, decimals: object = 0) -> int | float:
    """Halves away from zero, as people do it."""
    places = _count(decimals, "round")
    exact = number_of(_given(value), "round")
    rounded = exact.quantize(Decimal(1).scaleb(-min(places, 10)), rounding="ROUND_HALF_UP")
    return float(rounded) if places else int(rounded)


def abs_(value: object) -> int | float:
    return _plain(abs(number_of(_given(value), "abs")))


def plus(value: object, other: object) -> int | float:
    return _plain(number_of(_given(value), "plus") + number_of(_given(other), "plus"))


def minus(value: object, other: object) -> int | float:
    return _plain(number_of(_given(value), "minus") - number_of(_given(other), "minus"))


def times(value: object, other: object) -> int | float:
    return _plain(number_of(_given(value), "times") * number_of(_given(other), "times"))


def divided_by(value: object, other: object) -> int | float:
    return _plain(_ratio(value, other, "divided_by", lambda a, b: a / b))


def modulo(value: object, other: object) -> int | float:
    return _plain(_ratio(value, other, "modulo", lambda a, b: a % b))


# -- where a value is printed ------------------------------------------------------------------------------------------
# They may be asked for a value that is then not printed: what is missing or no text is left for the printing to notice.
def link(value: Any) -> Any:
    """A whole link, or its beginning: one that would run as a program leads nowhere."""
    if value.__class__ is str and _WEB_LINK(value):
        return value
    if not isinstance(value, str | int | float):
        return value
    text = _CONTROLS.sub("", str(value))
    if not _SCHEME.match(text) and ":" in re.split(r"[/?#]", text, maxsplit=1)[0]:
        return "#"
    return quote(_checked(text), safe=_LINK_SAFE, errors="replace")


def link_open(value: Any) -> Any:
    """More of a link whose scheme may still come: it does not come from here."""
    made = link_part(value)
    return made.replace(":", "%3A") if isinstance(made, str) else made


def link_part(value: Any) -> Any:
    if value.__class__ is str and _PLAIN_LINK(value):
        return value
    if not isinstance(value, str | int | float):
        return value
    return quote(_checked(str(value)), safe=_LINK_SAFE, errors="replace")


def link_value(value: Any) -> Any:
    """Behind a question mark: nothing in it begins another parameter."""
    if not isinstance(value, str | int | float):
        return value
    text = str(value)
    return text if text.isalnum() and text.isascii() else quote(_checked(text), safe="", errors="replace")


def css(value: Any) -> Any:
    """A colour, a length, a name: without the signs that begin something else."""
    return _FOR_CSS.sub("", str(value)[:1000]) if isinstance(value, str | int | float) else value


def present(value: Any) -> Any:
    if is_missing(value):
        raise MissingValue
    return value


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs_, "capitalize": capitalize, "date": date, "default": default, "divided_by": divided_by,
    "escape": escape, "join": join, "lower": lower, "minus": minus, "modulo": modulo, "money": money,
    "number": number, "plural": plural, "plus": plus, "replace": replace, "round": round_, "split": split,
    "times": times, "title": title, "trim": trim, "truncate": truncate, "truncatewords": truncatewords,
    "upper": upper, "urlencode": urlencode,
    "_present": present,
}  # fmt: skip
PLACES: dict[str, Callable[..., Any]] = {  # what is printed is counted there
    "_css": css, "_link": link, "_link_open": link_open, "_link_part": link_part, "_link_value": link_value
}  # fmt: skip


def _given(value: object) -> object:
    if is_missing(value):
        raise MissingValue
    return value


def _count(value: object, name: str) -> int:
    if value.__class__ is int and 0 <= value <= MAX_TEXT:
        return value
    found = number_of(value, name)
    return min(max(int(found), 0), MAX_TEXT)


def _continues(sign: str) -> bool:
    return sign in "\u200d\ufe0f" or 0x300 <= ord(sign) <= 0x36F or 0x1F3FB <= ord(sign) <= 0x1F3FF


def _plain(found: Decimal) -> int | float:
    if abs(found) >= formats.MOST:
        raise Unfit("a number that is too large")
    return int(found) if found == found.to_integral_value() else float(found)


def _ratio(value: object, other: object, name: str, operation: Callable[[Decimal, Decimal], Decimal]) -> Decimal:
    try:
        return operation(number_of(_given(value), name), number_of(_given(other), name))
    except (InvalidOperation, ZeroDivisionError):
        raise Unfit(f"{name}: by zero") from None
