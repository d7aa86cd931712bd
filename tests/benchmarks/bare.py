"""The same rows by other ways: COPY into an empty table with the same indexes, which nothing can beat, and two ways
through Django's models: a thousand at a time, and one by one as most integrations begin.

None of these validates anything or keeps facts. The models' rows are new ones only, and are taken out again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.db import connection

from campaigns.models import Customer, Event
from tests.benchmarks.rows import Kind, Row

_FIELDS = {
    "customers": (
        "external_id", "email", "phone", "first_name", "last_name", "city", "country", "timezone", "locale",
        "consent_email", "consent_sms", "consent_push", "attributes",
    ),
    "events": ("event_id", "customer_id", "name", "occurred_at", "value", "currency", "properties", "category"),
}  # fmt: skip
_TABLES = {"customers": "campaigns_customer", "events": "campaigns_event"}
_KEYS = {"customers": "external_id", "events": "event_id"}
_AT_ONCE = 1000


def copy(kind: Kind, given: Sequence[Row]) -> float:
    """Rows a second into a table of their own."""
    fields = _FIELDS[kind]
    ready = [_plain(row) for row in (_resolved(given) if kind == "events" else given)]
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS bench_bare; CREATE TABLE bench_bare (LIKE {_TABLES[kind]} INCLUDING ALL)")
        begun = time.perf_counter()
        with cursor.copy(f"COPY bench_bare ({', '.join(fields)}) FROM STDIN") as into:
            for row in ready:
                into.write_row([row[name] for name in fields])
        seconds = time.perf_counter() - begun
        cursor.execute("DROP TABLE bench_bare")
    return len(given) / seconds


def in_bulk(kind: Kind, given: Sequence[Row]) -> float:
    """Rows a second by `bulk_create` in thousands."""
    write = _events_in_bulk if kind == "events" else _customers_in_bulk
    return _timed(kind, given, lambda: [write(chunk) for chunk in _chunks(given)])


def one_by_one(kind: Kind, given: Sequence[Row]) -> float:
    """Rows a second, each looked up and saved by itself."""
    write = _one_event if kind == "events" else _one_customer
    return _timed(kind, given, lambda: [write(row) for row in given])


def _timed(kind: Kind, given: Sequence[Row], work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    seconds = time.perf_counter() - begun
    key = _KEYS[kind]
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {_TABLES[kind]} WHERE {key} = ANY(%s)", [[row[key] for row in given]])
    return len(given) / seconds


def _customers_in_bulk(chunk: Sequence[Row]) -> None:
    Customer.objects.bulk_create(
        [Customer(**row) for row in chunk],
        update_conflicts=True,
        unique_fields=["external_id"],
        update_fields=_FIELDS["customers"][1:],
    )


def _events_in_bulk(chunk: Sequence[Row]) -> None:
    rows = [{name: value for name, value in row.items() if name != "external_id"} for row in _resolved(chunk)]
    Event.objects.bulk_create([Event(**row) for row in rows], ignore_conflicts=True)


def _one_customer(row: Row) -> None:
    Customer.objects.update_or_create(external_id=row["external_id"], defaults=row)


def _one_event(row: Row) -> None:
    values = {name: value for name, value in row.items() if name not in ("event_id", "external_id")}
    values["customer"] = Customer.objects.get(external_id=row["external_id"])
    Event.objects.get_or_create(event_id=row["event_id"], defaults=values)


def _resolved(given: Sequence[Row]) -> Iterator[Row]:
    """Events with what the table has and the API has not."""
    wanted = {row["external_id"] for row in given}
    ids = dict(Customer.objects.filter(external_id__in=wanted).values_list("external_id", "pk"))
    for row in given:
        yield row | {"customer_id": ids[row["external_id"]], "category": row["properties"].get("category", "")}


def _plain(row: Row) -> dict[str, Any]:
    return {name: json.dumps(value) if isinstance(value, dict) else value for name, value in row.items()}


def _chunks(given: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(given), _AT_ONCE):
        yield given[start : start + _AT_ONCE]
