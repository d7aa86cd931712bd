"""From a header and cells to the rows that campaigns.ingest takes. Pure."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from campaigns.importing.csv_file import FileUnreadable
from campaigns.ingest import customers, events

# Digits that a float carries exactly; leading zeros, plus signs and exponents are codes, not numbers.
_NUMBER = re.compile(r"(?=.{1,16}\Z)-?(?:0|[1-9]\d*)(?:\.\d+)?", re.ASCII)
_WORDS = {"true": True, "false": False}


@dataclass(frozen=True)
class Layout:
    """The columns of a kind of file. Custom ones are written `<extras>.<name>`."""

    fields: tuple[str, ...]
    needed: tuple[str, ...]
    extras: str
    outcomes: tuple[str, ...]


CUSTOMERS = Layout(
    fields=tuple(name for name in customers.READERS if name != "attributes"),
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


class Columns:
    """A header understood. Raises FileUnreadable naming the columns that are missing, unknown or there twice."""

    def __init__(self, header: list[str], layout: Layout) -> None:
        prefix = f"{layout.extras}."
        _check(header, layout, prefix)
        self._extras = layout.extras
        self._plain = [(place, name) for place, name in enumerate(header) if not name.startswith(prefix)]
        self._custom = [(place, name.removeprefix(prefix)) for place, name in enumerate(header) if name.startswith(prefix)]

    def row(self, cells: list[str]) -> dict[str, Any]:
        """The fields that have a value; an empty cell says nothing about its field."""
        row: dict[str, Any] = {}
        for place, name in self._plain:
            cell = cells[place]
            if cell and not cell.isspace():
                row[name] = cell
        custom = {name: typed(cells[place]) for place, name in self._custom if cells[place] and not cells[place].isspace()}
        if custom:
            row[self._extras] = custom
        return row


def typed(cell: str) -> str | int | float | bool:
    """A plain number or true/false as such; everything else, such as 007, stays text."""
    if _NUMBER.fullmatch(cell) and cell != "-0":
        return float(cell) if "." in cell else int(cell)
    return _WORDS.get(cell, cell)


def _check(header: list[str], layout: Layout, prefix: str) -> None:
    problems = [f"the column {name!r} is missing" for name in layout.needed if name not in header]
    problems += [f"the column {name!r} is there {count} times" for name, count in Counter(header).items() if count > 1]
    unknown = [name for name in dict.fromkeys(header) if name not in layout.fields and not name.removeprefix(prefix) != name]
    problems += [f"the column {name!r} is unknown" for name in unknown if name != prefix]
    if prefix in header:
        problems.append(f"the column {prefix!r} has no name after the point")
    if problems:
        found = ", ".join(repr(name) for name in header)
        raise FileUnreadable(
            f"Nothing was imported: {'; '.join(problems)}. Found: {found}. "
            f"Known: {', '.join(layout.fields)}, {prefix}<name>; separated by commas."
        )
