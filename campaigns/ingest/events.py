"""Events in: validated row by row, written in one statement, and in its transaction brought to who waits for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from django.db import transaction

from campaigns import arrivals
from campaigns.ingest import documents, event_sql, fields, rows
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

Written = tuple[set[str], set[int]]  # the event_ids that are new, the numbers of the rows whose customer is unknown


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that were read and wait to be written: the good and the rejected by their place among `count`."""

    count: int
    good: dict[int, dict[str, Any]]
    rejected: dict[int, RowResult]


def add_events(
    given: Sequence[Mapping[str, Any]], *, now: datetime, zone: tzinfo, when_due: Callable[[], None] | None = None
) -> list[RowResult]:
    """Add events once per `event_id`; one result per row, in order. Times without an offset are local to `zone`.

    They set off the campaigns that wait for them; `when_due` is called where one is due at once.
    """
    return write(read(given, readers(now=now, zone=zone)), now=now, when_due=when_due)


def readers(*, now: datetime, zone: tzinfo) -> dict[str, Reader]:
    """A reader for every field of an event."""
    return READERS | {"occurred_at": fields.moment(now=now, zone=zone)}


def read(given: Sequence[Mapping[str, Any]], readers: Mapping[str, Reader]) -> Batch:
    """Judge the rows. Pure: it may go on while others are written."""
    batch = Batch(len(given), {}, {})
    for index, row in enumerate(given):
        values, problems = rows.read(row, readers, needed=NEEDED, extras="properties")
        if problems:
            identity = rows.identity(row, "event_id")
            batch.rejected[index] = RowResult(index, identity, "rejected", tuple(problems))
        else:
            values["n"] = index
            batch.good[index] = values
    return batch


def write(batch: Batch, *, now: datetime, when_due: Callable[[], None] | None = None) -> list[RowResult]:
    """Store what was read; what became of each row."""
    good, rejected = batch.good, batch.rejected
    written = _results(good, *_write(list(good.values()), now, when_due)) if good else {}
    return [rejected.get(index) or written[index] for index in range(batch.count)]


def _write(good: list[dict[str, Any]], now: datetime, when_due: Callable[[], None] | None) -> Written:
    listening = arrivals.listeners({row["name"] for row in good})
    if not listening:
        return event_sql.add_events(good)
    heard = {each.trigger.name for each in listening}
    with transaction.atomic():
        created, unknown = event_sql.add_events(good)
        event_ids = {row["event_id"] for row in good if row["name"] in heard} & created
        is_due = bool(event_ids) and arrivals.arrive(list(event_ids), listening, now=now)
    if is_due and when_due:
        when_due()
    return created, unknown


def _results(good: dict[int, dict[str, Any]], created: set[str], unknown: set[int]) -> dict[int, RowResult]:
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
