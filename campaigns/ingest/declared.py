"""Custom attributes with a declared type: what may be stored under each."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from campaigns.ingest import documents, fields
from campaigns.ingest.fields import Invalid, Reader, shown
from campaigns.models import AttributeDefinition

LARGEST = 2**53  # up to here every whole number has a float of its own
LONGEST_TEXT = 255  # facts are read a million at a time
_DECIMAL = re.compile(r"[+-]?(\d{1,30}\.?\d{0,30}|\.\d{1,30})(e[+-]?\d{1,3})?", re.IGNORECASE | re.ASCII)
_YEARLY = re.compile(r"--\d\d-\d\d", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
Type = AttributeDefinition.Type


def types() -> dict[str, str]:
    """The type of each declared attribute by its name; one small query."""
    return dict(AttributeDefinition.objects.values_list("name", "type"))


def attributes(types: Mapping[str, str]) -> Reader:
    """Reads a customer's attributes; those declared become values of their type, or are refused by name."""
    if not types:
        return documents.attributes
    readers = {name: READERS[type_] for name, type_ in types.items()}

    def read(given: Any) -> dict[str, Any] | None:
        document = documents.attributes(given)
        if document and not readers.keys().isdisjoint(document):
            return {name: _value(readers.get(name), name, value) for name, value in document.items()}
        return document

    return read


def text(given: Any) -> str:
    if not isinstance(given, str):
        cure = f', for example "{given}"' if isinstance(given, int | float) else ""
        raise Invalid(f"is declared as text: give text{cure}")
    if len(given) > LONGEST_TEXT:
        raise Invalid(f"is longer than {LONGEST_TEXT} characters: shorten it")
    return given


def number(given: Any) -> int | float | None:
    """A number that a float holds: whole ones exactly, others to 15 places. Blank text is none."""
    value = _number_of_text(given) if isinstance(given, str) else given
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Invalid(f"is declared as a number, and {shown(given)} is none: write it like 12.50")
    if not math.isfinite(value) or abs(value) > LARGEST:
        raise Invalid(f"{shown(given)} is beyond {LARGEST:,}, where numbers lose their last digits: declare it as text")
    return value if isinstance(value, int) else round(value, 15)


def boolean(given: Any) -> bool | None:
    """True or false, or a word for it. Blank text is none."""
    if isinstance(given, str) and not given.strip():
        return None
    try:
        return fields.boolean(given)
    except Invalid as invalid:
        raise Invalid(f"is declared as yes or no: {invalid}") from None


def day(given: Any) -> str | None:
    """A date in ISO form, or the month and day alone of one that comes every year. Blank text is none."""
    value = given.isoformat() if type(given) is date else given.strip() if isinstance(given, str) else "no date"
    if not value:
        return None
    whole = f"2000{value[1:]}" if _YEARLY.fullmatch(value) else value
    try:
        if _DAY.fullmatch(whole):
            date.fromisoformat(whole)
            return value
    except ValueError:  # the 30th of February
        pass
    raise Invalid(f"is declared as a date, and {shown(given)} is none: write it like 1990-05-17, or --05-17")


READERS: dict[str, Callable[[Any], Any]] = {
    Type.TEXT: text,
    Type.NUMBER: number,
    Type.BOOLEAN: boolean,
    Type.DATE: day,
}


def _value(reader: Reader | None, name: str, given: Any) -> Any:
    if reader is None or given is None:
        return given
    try:
        return reader(given)
    except Invalid as invalid:
        raise Invalid(str(invalid), path=name) from None


def _number_of_text(given: str) -> int | float | None:
    literal = given.strip()
    if not literal:
        return None
    if not _DECIMAL.fullmatch(literal):
        raise Invalid(f"is declared as a number, and {shown(given)} is none: write it like 12.50")
    value = Decimal(literal)
    return int(value) if value == value.to_integral_value() and value.adjusted() < 20 else float(value)
