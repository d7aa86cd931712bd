"""Rows as they come in, by file and by call: made before anything is timed, from the same people as the tables.

Customers: every other one is new, the others are people who exist, with other points. Events: all new, of people who
exist, four in five of the last week and the rest of two years.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from django.db import connection

from tests.benchmarks import population
from tests.benchmarks.population import Population

Kind = Literal["customers", "events"]
Row = dict[str, Any]
KINDS: tuple[Kind, ...] = ("events", "customers")
OPEN = {"customers": "attributes", "events": "properties"}
PER_CALL = 1000
_AT_ONCE = 20_000


def rows(kind: Kind, people: Population, number: int, *, first: int) -> Iterator[Row]:
    """`number` rows as the API takes them, numbered from `first`: other numbers, other rows."""
    made = _events if kind == "events" else _customers
    for start in range(first, first + number, _AT_ONCE):
        with connection.cursor() as cursor:
            query = made(people, start, min(_AT_ONCE, first + number - start), first)
            cursor.execute(f"SELECT row_to_json(made)::text FROM ({query}) made", {"until": people.until})
            for (row,) in cursor.fetchall():
                yield json.loads(row)


def write_csv(path: Path, kind: Kind, given: Iterator[Row]) -> None:
    """The same as a file for `import_customers` or `import_events`."""
    name = OPEN[kind]
    names = _COLUMNS[kind]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for row in given:
            flat = row | {f"{name}.{key}": value for key, value in row[name].items()}
            writer.writerow([flat.get(column) for column in names])


def write_bodies(path: Path, kind: Kind, given: Iterator[Row]) -> None:
    """The same as bodies of calls, one a line, a thousand rows in each."""
    with path.open("w") as file:
        while chunk := list(islice(given, PER_CALL)):
            file.write(json.dumps({kind: chunk}, separators=(",", ":")) + "\n")


_COLUMNS = {
    "customers": [
        "external_id", "email", "phone", "first_name", "last_name", "city", "country", "timezone", "locale",
        "consent_email", "consent_sms", "consent_push", "attributes.tier", "attributes.points", "attributes.birthday",
        "attributes.favourite", "attributes.batch",
    ],
    "events": [
        "event_id", "external_id", "name", "occurred_at", "value", "currency", "properties.category",
        "properties.sku", "properties.quantity", "properties.campaign",
    ],
}  # fmt: skip


def _customers(people: Population, first: int, number: int, since: int) -> str:
    """New ones have numbers beyond all that exist. `batch` marks a row, so that it can be found again."""
    known = f"mod(n - {since}, 2) = 1 AND n - {since} < 2 * {people.customers}"  # none of them twice
    which = f"1 + mod((n - {since}) / 2 * 1299709, {people.customers})"
    numbers = f"""(
        SELECT CASE WHEN {known} THEN {which} ELSE n + {people.customers} END AS i
        FROM generate_series({first}::bigint, {first + number - 1}::bigint) n)"""
    changed = f"jsonb_build_object('batch', {since}, 'points', mod(hashtext(external_id)::bigint + {since}, 1000))"
    return f"""
        SELECT external_id, email, phone, first_name, last_name, city, country, timezone, locale,
            consent_email, consent_sms, consent_push, attributes || {changed} AS attributes
        FROM ({population.customers(people, "'c' || lpad(i::text, 9, '0')", numbers)}) made
        ORDER BY hashtext(external_id)
    """


def _events(people: Population, first: int, number: int, since: int) -> str:
    age = f"(CASE WHEN {people.chance('i', 61)} < 0.8 THEN 7 ELSE {population.DAYS} END) * {people.chance('i', 62)}"
    made = population.events(people, "'n' || lpad(i::text, 10, '0')", age, number, first)
    return f"""
        SELECT event_id, 'c' || lpad(person::text, 9, '0') AS external_id, name, occurred_at, value, currency,
            properties
        FROM ({made}) made
    """
