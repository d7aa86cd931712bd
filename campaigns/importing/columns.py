"""From a header and cells to the rows that campaigns.ingest takes. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from campaigns.importing.csv_file import FileUnreadable
from campaigns.ingest import customers, events, products

# Digits that a float carries exactly; leading zeros, plus signs and exponents are codes, not numbers.
_NUMBER = re.compile(r"(?=.{1,16}\Z)-?(?:0|[1-9]\d*)(?:\.\d+)?", re.ASCII)
_WORDS = {"true": True, "false": False}
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class Layout:
    """The columns of a kind of file. Custom ones are written `<extras>.<name>`; without `extras` there are none."""

    fields: tuple[str, ...]
    needed: tuple[str, ...]
    extras: str
    outcomes: tuple[str, ...]


CUSTOMERS = Layout(
    fields=(*(name for name in customers.READERS if name != "attributes"), "consent_at"),
    needed=customers.NEEDED,
    extras="attributes",
    outcomes=("created", "updated", "unchanged", "rejected"),
)
EVENTS = Layout(
    fields=("event_id", "external_id", "name", "occurred_at", "value", "currency"),
    needed=events.NEEDED,
    extras="properties",
    outcomes=("created", "duplicate", "rejected"),
)
PRODUCTS = Layout(
    fields=tuple(products.READERS),
    needed=products.NEEDED,
    extras="",
    outcomes=("created", "updated", "unchanged", "rejected"),
)


@dataclass(frozen=True)
class Spelling:
    """How a file writes what is not plain text.

    `cells` rewrites the cells of a field or custom field; the custom fields of `declared` have that type of
    campaigns.models.AttributeDefinition. `every` rewrites every cell before that.
    """

    cells: Mapping[str, Callable[[str], str]] = field(default_factory=dict)
    declared: Mapping[str, str] = field(default_factory=dict)
    every: Callable[[str], str] | None = None


AS_IT_IS = Spelling()


class Columns:
    """The field of each column by its place, `<extras>.<name>` for a custom one, "" for one that is left out.

    `constants` are the fields of every row whose own cell is empty or not there.
    """

    def __init__(
        self,
        fields: Sequence[str],
        layout: Layout,
        *,
        constants: Mapping[str, Any] | None = None,
        spelling: Spelling = AS_IT_IS,
    ) -> None:
        prefix = f"{layout.extras}."
        named = [(place, name) for place, name in enumerate(fields) if name]
        self._extras = layout.extras
        self._every = spelling.every
        self._constants = dict(constants or {})
        self._plain = [(place, name, spelling.cells.get(name)) for place, name in named if name in layout.fields]
        self._custom = [
            (place, name.removeprefix(prefix), _reader(name.removeprefix(prefix), spelling))
            for place, name in named
            if name not in layout.fields
        ]

    def row(self, cells: Sequence[str]) -> dict[str, Any]:
        """The fields that have a value; an empty cell says nothing about its field."""
        if self._every:
            cells = [self._every(cell) for cell in cells]
        row: dict[str, Any] = {
            name: rewrite(cells[place]) if rewrite else cells[place]
            for place, name, rewrite in self._plain
            if not _is_blank(cells[place])
        }
        if self._constants:
            row = self._constants | row
        custom = {name: read(cells[place]) for place, name, read in self._custom if not _is_blank(cells[place])}
        return row | {self._extras: custom} if custom else row


def understood(header: Sequence[str], layout: Layout, declared: Mapping[str, str]) -> Columns:
    """A header in our own words. Raises FileUnreadable naming the columns missing, unknown or there twice."""
    _check(header, layout, f"{layout.extras}.")
    return Columns(header, layout, spelling=Spelling(declared=declared))


def typed(cell: str) -> str | int | float | bool:
    """A plain number or true/false as such; everything else, such as 007, stays text."""
    if _NUMBER.fullmatch(cell) and cell != "-0":
        return float(cell) if "." in cell else int(cell)
    return _WORDS.get(cell, cell)


def _reader(name: str, spelling: Spelling) -> Callable[[str], Any]:
    """How the cells of that custom field become values; ingest refuses what its type does not know."""
    return spelling.cells.get(name) or _BY_TYPE.get(spelling.declared.get(name, ""), typed)


def _truth(cell: str) -> str | bool:
    return _TRUTH.get(cell.strip().lower(), cell)


_BY_TYPE: dict[str, Callable[[str], Any]] = {"text": str.strip, "date": str.strip, "boolean": _truth}


def _is_blank(cell: str) -> bool:
    return not cell or cell.isspace()


def _check(header: Sequence[str], layout: Layout, prefix: str) -> None:
    counts = Counter(header)
    problems = [f"the column {name!r} is missing" for name in layout.needed if name not in counts]
    problems += [f"the column {name!r} is there {count} times" for name, count in counts.items() if count > 1]
    problems += [
        f"the column {name!r} is unknown"
        for name in counts
        if name not in layout.fields and (not layout.extras or not name.startswith(prefix) or name == prefix)
    ]
    if problems:
        known = [*layout.fields, f"{prefix}<name>"] if layout.extras else layout.fields
        raise FileUnreadable(
            f"Nothing was imported: {'; '.join(problems)}. Found: {', '.join(map(repr, header))}. "
            f"Known: {', '.join(known)}, separated by commas."
        )
