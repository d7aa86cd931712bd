"""A comparison as the fields of a form, and back. Pure.

Fields are `op`, `value`, `to` (the upper value of a range) and `as`: the type that the text is read as (`text`,
`number`, `boolean`, `date`). Without one, text that is written like a number or a truth value is read as that.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from campaigns.config import days, rules
from campaigns.config.gate import Invalid, Problem

LISTS = ("in", "not_in")
DAYS = ("before", "on", "after")
INCOMPLETE = "incomplete"  # the code of a problem that is merely something not written yet
Scalar = str | int | float | bool


def compose(values: Mapping[str, str], *, is_text: bool = False) -> dict[str, Any]:
    """`{operator: operand}` of the rule language. `is_text`: whatever is written is text. Raises Invalid."""
    operator, value = values.get("op") or "eq", values.get("value", "").strip()
    if operator in ("known", "unknown"):
        return {"exists": operator == "known"}
    if operator == "anniversary":
        return {"anniversary": True}
    if operator in ("contains", "starts_with"):
        return {operator: needed(value, "a value to compare with")}
    if operator in DAYS:
        return {operator: day(value, "the day")}
    read = _READERS.get("text" if is_text else values.get("as", ""), plain)
    needed(value, "a value to compare with")
    if operator == "between":
        return {"between": [read(value), read(needed(values.get("to", ""), "the upper value"))]}
    if operator in LISTS:
        return {operator: [read(each) for each in split(value)]}
    return {operator: read(value)}


def shown(rule: rules.Comparison, *, is_text: bool = False) -> dict[str, str] | None:
    """The fields that say the same as a comparison; None where none do."""
    wanted = {rule.operator: list(rule.operand) if isinstance(rule.operand, tuple) else rule.operand}
    fields = _fields(rule)
    if any(set("\r\n") & set(text) for text in fields.values()):  # a line of input holds no line breaks
        return None
    for read_as in ("", "text", "number", "boolean"):
        candidate = fields | ({"as": read_as} if read_as else {})
        if _says(candidate, wanted, is_text=is_text):
            return candidate
    return None


def split(text: str) -> list[str]:
    """`Leeds, York, "a, b"` as its parts; quotes hold a part together that has a comma in it. Raises Invalid."""
    try:
        found = next(csv.reader(io.StringIO(text.strip()), skipinitialspace=True, strict=True), [])
    except csv.Error:
        raise Invalid([Problem("", "close the quotes, or write the quote mark twice")]) from None
    return [each.strip() for each in found if each.strip()]


def join(parts: list[str]) -> str:
    """What `split` takes apart."""
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow(parts)
    return written.getvalue().replace(",", ", ") if not any("," in each for each in parts) else written.getvalue()


def plain(text: str) -> Scalar:
    """A number or truth value where the text is one written plainly; `007` and `1e5` stay text."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            if str(kind(text)) == text and text not in ("nan", "inf", "-inf"):
                return kind(text)
        except ValueError:
            continue
    return text


def text_of(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def needed(text: str, what: str) -> str:
    """The text without what surrounds it. Raises Invalid when nothing is left."""
    if not text.strip():
        raise Invalid([Problem("", f"write {what}", INCOMPLETE)])
    return text.strip()


def number(text: str, what: str) -> float:
    given = needed(text, what)
    try:
        found = float(given.replace(",", ""))
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise Invalid([Problem("", f"write {what} as a number: “{text}” is none")])
    return found


def whole(text: str, what: str) -> int:
    found = number(text, what)
    if found != int(found) or found < 1:
        raise Invalid([Problem("", f"write {what} as a whole number from 1")])
    return int(found)


def day(text: str, what: str) -> str:
    """A date or a day in words (`today`, `30d ago`), as rules keep it. Raises Invalid."""
    given = needed(text, what)
    try:
        return days.check_day(given)
    except ValueError as error:
        raise Invalid([Problem("", f"{error}: “{text}” is none of these")]) from None


def _number(text: str) -> int | float:
    found = plain(text)
    if isinstance(found, int | float) and not isinstance(found, bool):
        return found
    return number(text, "the value")


def _date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise Invalid([Problem("", f"write the date like 2026-11-26: “{text}” is none")]) from None


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false", "yes", "no"):
        raise Invalid([Problem("", f"choose yes or no: “{text}” is neither")])
    return text.lower() in ("true", "yes")


_READERS: dict[str, Callable[[str], Scalar]] = {
    "text": str,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
}


def _fields(rule: rules.Comparison) -> dict[str, str]:
    operator, operand = rule.operator, rule.operand
    if operator == "exists":
        return {"op": "known" if operand else "unknown"}
    if operator == "anniversary":
        return {"op": operator}
    if operator == "between":
        return {"op": operator, "value": text_of(operand[0]), "to": text_of(operand[1])}
    if operator in LISTS:
        return {"op": operator, "value": join([text_of(each) for each in operand])}
    return {"op": operator, "value": text_of(operand)}


def _says(fields: Mapping[str, str], wanted: dict[str, Any], *, is_text: bool) -> bool:
    """Equal, and of the same types: 1 is not true, and "10" is not 10."""
    try:
        return repr(compose(fields, is_text=is_text)) == repr(wanted)
    except Invalid:
        return False
