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
        self._plain = [(place, name) for place, name in enumerate(header) if name in layout.fields]
        self._custom = [(place, name[len(prefix) :]) for place, name in enumerate(header) if name not in layout.fields]

    def row(self, cells: list[str]) -> dict[str, Any]:
        """The fields that have a value; an empty cell says nothing about its field."""
        row: dict[str, Any] = {name: cells[place] for place, name in self._plain if not _is_blank(cells[place])}
        custom = {name: typed(cells[place]) for place, name in self._custom if not _is_blank(cells[place])}
        return row | {self._extras: custom} if custom else row


def typed(cell: str) -> str | int | float | bool:
    """A plain number or true/false as such; everything else, such as 007, stays text."""
    if _NUMBER.fullmatch(cell) and cell != "-0":
        return float(cell) if "." in cell else int(cell)
    return _WORDS.get(cell, cell)


def _is_blank(cell: str) -> bool:
    return not cell or cell.isspace()


def _check(header: list[str], layout: Layout, prefix: str) -> None:
    counts = Counter(header)
    problems = [f"the column {name!r} is missing" for name in layout.needed if name not in counts]
    problems += [f"the column {name!r} is there {count} times" for name, count in counts.items() if count > 1]
    problems += [
        f"the column {name!r} is unknown"
        for name in counts
        if name not in layout.fields and (not name.startswith(prefix) or name == prefix)
    ]
    if problems:
        raise FileUnreadable(
            f"Nothing was imported: {'; '.join(problems)}. Found: {', '.join(map(repr, header))}. "
            f"Known: {', '.join(layout.fields)}, {prefix}<name>, separated by commas."
        )
