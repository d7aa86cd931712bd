"""What customers and events hold, by a bounded look at them: names, types, values, and how common each is.

Reads    Customer, Event
Promise  as quick with a million customers as with a thousand: the shares are of those looked at
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from campaigns import compiler
from campaigns.models import Event

MOST_CUSTOMERS, MOST_EVENTS = 4000, 3000
FEW = 200  # customers of a sample that was to be some thousand
MOST_VALUES, LONGEST_VALUE = 40, 100
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_TYPES = {bool: "boolean", int: "number", float: "number"}


@dataclass(frozen=True)
class Sighting:
    """One name: the type of what it holds (`text`, `number`, `boolean`, `date`), the share of rows that have it, and
    the values that occur, most frequent first, each with its own share. Shares are in [0, 1]."""

    type: str
    share: float
    values: list[tuple[str, float]]


def customers() -> dict[str, Sighting]:
    """By field and custom attribute; two queries. What hardly two people share is told without its values."""
    seen: dict[str, _Tally] = {name: _Tally() for name in compiler.TEXT_COLUMNS}
    looked = 0
    for *columns, attributes in _sampled():
        looked += 1
        for name, value in {
            **dict(zip(compiler.TEXT_COLUMNS, columns, strict=True)),
            **_attributes(attributes),
        }.items():
            seen.setdefault(name, _Tally()).add(value)
    return {name: tally.told(looked) for name, tally in seen.items() if tally.rows or name in compiler.TEXT_COLUMNS}


def events() -> dict[str, dict[str, Sighting]]:
    """By name and property, among the newest; `value` is one of them. One query. Most frequent name first."""
    seen: dict[str, dict[str, _Tally]] = {}
    counted: Counter[str] = Counter()
    newest = Event.objects.order_by("-pk").values_list("name", "value", "properties")[:MOST_EVENTS]
    for name, value, properties in newest:
        counted[name] += 1
        of_event = seen.setdefault(name, {"value": _Tally()})
        of_event["value"].add(None if value is None else float(value))
        for key, held in properties.items():
            of_event.setdefault(key, _Tally()).add(held)
    return {
        name: {key: tally.told(number) for key, tally in sorted(seen[name].items())}
        for name, number in counted.most_common()
    }


@dataclass
class _Tally:
    values: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    rows: int = 0

    def add(self, value: Any) -> None:
        if isinstance(value, str | int | float) and value != "":
            self.rows += 1
            self.types[_type(value)] += 1
            text = str(value).lower() if isinstance(value, bool) else str(value).removesuffix(".0")
            if len(text) <= LONGEST_VALUE:
                self.values[text] += 1

    def told(self, looked: int) -> Sighting:
        of = max(looked, 1)
        repeated = self.rows < 20 or len(self.values) <= self.rows / 2
        common = self.values.most_common(MOST_VALUES) if repeated else []
        kind = next(iter(self.types)) if len(self.types) == 1 else "text"
        return Sighting(kind, self.rows / of, [(value, number / of) for value, number in common])


def _type(value: Any) -> str:
    if isinstance(value, str):
        return "number" if _NUMBER.match(value) else "date" if _DATE.match(value) else "text"
    return _TYPES[type(value)]


def _attributes(given: Any) -> Mapping[str, Any]:
    return {name: value for name, value in given.items() if name not in compiler.TEXT_COLUMNS}


def _sampled() -> Iterator[tuple[Any, ...]]:
    """Whole pages of the table, picked at random, so that a sample costs as many reads as it has pages."""
    columns = ", ".join(compiler.TEXT_COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = 'campaigns_customer'::regclass")
        there = max(cursor.fetchone()[0], 1)
        share = min(100.0, 100.0 * 2 * MOST_CUSTOMERS / there)
        cursor.execute(
            f"SELECT {columns}, attributes FROM campaigns_customer TABLESAMPLE SYSTEM (%s) LIMIT %s",
            [share, MOST_CUSTOMERS],
        )
        rows = cursor.fetchall()
        if share < 100 and len(rows) < FEW:  # the estimate is old, or most of the pages hold nobody any more
            cursor.execute(
                f"SELECT {columns}, attributes FROM campaigns_customer ORDER BY id DESC LIMIT %s", [MOST_CUSTOMERS]
            )
            rows = cursor.fetchall()
        for row in rows:
            yield (*row[:-1], _loaded(row[-1]))


def _loaded(attributes: Any) -> Any:
    return json.loads(attributes) if isinstance(attributes, str) else attributes
