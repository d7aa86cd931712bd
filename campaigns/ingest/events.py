"""Events in: validated row by row, written in one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from campaigns.ingest import documents, fields, rows, sql
from campaigns.ingest.fields import Reader
from campaigns.ingest.results import Problem, RowResult

READERS: dict[str, Reader] = {
    "event_id": fields.needed(100, cure="it is your own id of the event, the same whenever it is sent again"),
    "external_id": fields.needed(100, cure="it says whose event this is"),
    "name": fields.needed(64, cure="it says what happened, for example order"),
    "value": fields.amount,
    "currency": fields.currency,
    "properties": documents.properties,
}
NEEDED = ("event_id", "external_id", "name", "occurred_at")


def add_events(given: Sequence[Mapping[str, Any]], *, now: datetime, zone: tzinfo) -> list[RowResult]:
    """Add events once per `event_id`; one result per row, in order. Times without an offset are local to `zone`."""
    readers = READERS | {"occurred_at": fields.moment(now=now, zone=zone)}
    good: dict[int, dict[str, Any]] = {}
    rejected: dict[int, RowResult] = {}
    for index, row in enumerate(given):
        values, problems = rows.read(row, readers, needed=NEEDED, extras="properties")
        if problems:
            rejected[index] = RowResult(index, rows.identity(row, "event_id"), "rejected", tuple(problems))
        else:
            good[index] = values | {"n": index}
    written = _write(good) if good else {}
    return [rejected.get(index) or written[index] for index in range(len(given))]


def _write(good: dict[int, dict[str, Any]]) -> dict[int, RowResult]:
    created, unknown = sql.add_events(list(good.values()))
    results = {}
    for index, values in good.items():
        event_id = values["event_id"]
        if index in unknown:
            results[index] = RowResult(index, event_id, "rejected", (_unknown(values["external_id"]),))
        elif event_id in created:
            created.remove(event_id)  # the first row of an id is the event, its repetitions are duplicates
            results[index] = RowResult(index, event_id, "created")
        else:
            results[index] = RowResult(index, event_id, "duplicate")
    return results


def _unknown(external_id: str) -> Problem:
    return Problem("external_id", f"customer {external_id} is unknown: send the customer first")
