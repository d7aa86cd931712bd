"""Which column holds which field, by its name in several languages and by how its values look. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from campaigns.importing.columns import Layout
from campaigns.importing.synonyms import SYNONYMS

MOSTLY = 0.8  # of the values must look like a field's for a guess

_PLAIN = re.compile(r"[^a-z0-9]+")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_PHONE = re.compile(r"\+\d[\d ()/.-]{6,18}")
_DAY_FIRST = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2\d{4}\b")
_COMMA_AMOUNT = re.compile(r"-?[\d.]*\d,\d{1,2}")
_POINT_AMOUNT = re.compile(r"-?[\d,]*\d\.\d{1,4}")


def fields(
    header: Sequence[str], samples: Sequence[Sequence[str]], *, kind: str, layout: Layout, declared: Mapping[str, str]
) -> list[str]:
    """The field of each column, "" where there is no guess. `declared` are the names of custom attributes.

    No field is guessed twice: a column that is called by the field's own name goes before one called by a synonym,
    and that before one whose values merely look like it.
    """
    found = [""] * len(header)
    columns = [[row[place] for row in samples if place < len(row)] for place in range(len(header))]
    by_name = {plain(synonym): field for field, line in SYNONYMS.get(kind, {}).items() for synonym in line.split()}
    customs = {plain(name): f"{layout.extras}.{name}" for name in declared}
    for guess in (
        lambda place: _own_name(header[place], layout),
        lambda place: by_name.get(plain(header[place]), ""),
        lambda place: customs.get(plain(header[place]), ""),
        lambda place: _by_values(columns[place], layout),
    ):
        _fill(found, guess, layout)
    return found


def dates(values: Sequence[str]) -> str:
    """How these dates are written: `iso`, `dmy` or `mdy`."""
    shapes = [match for value in values if (match := _DAY_FIRST.match(value.strip()))]
    if not shapes:
        return "iso"
    if any(int(shape[1]) > 12 for shape in shapes):
        return "dmy"
    if any(int(shape[3]) > 12 for shape in shapes):
        return "mdy"
    return "mdy" if all(shape[2] == "/" for shape in shapes) else "dmy"


def decimal(values: Sequence[str]) -> str:
    """What stands before the decimals of these numbers: a point or a comma."""
    commas = sum(bool(_COMMA_AMOUNT.fullmatch(value.strip())) for value in values)
    points = sum(bool(_POINT_AMOUNT.fullmatch(value.strip())) for value in values)
    return "," if commas > points else "."


def plain(name: str) -> str:
    """Lower case, without accents, spaces and punctuation."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return _PLAIN.sub("", "".join(each for each in decomposed if not unicodedata.combining(each)))


def _own_name(name: str, layout: Layout) -> str:
    prefix = f"{layout.extras}."
    if layout.extras and name.startswith(prefix) and len(name) > len(prefix):
        return name
    spelt = plain(name)
    return next((field for field in layout.fields if plain(field) == spelt), "")


def _by_values(values: Sequence[str], layout: Layout) -> str:
    given = [value.strip() for value in values if value.strip()]
    looks: tuple[tuple[str, Callable[[str], object]], ...] = (
        ("email", _EMAIL.fullmatch),
        ("phone", _PHONE.fullmatch),
        ("occurred_at", _is_moment),
    )
    for name, looks_so in looks:
        if name in layout.fields and given and sum(bool(looks_so(each)) for each in given) >= MOSTLY * len(given):
            return name
    return ""


def _is_moment(value: str) -> bool:
    try:
        return len(value) >= 10 and bool(datetime.fromisoformat(value))
    except ValueError:
        return bool(_DAY_FIRST.match(value))


def _fill(found: list[str], guess: Callable[[int], str], layout: Layout) -> None:
    for place, already in enumerate(found):
        field = "" if already else guess(place)
        if field and field not in found:
            found[place] = field
