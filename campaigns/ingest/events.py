"""Events in: validated row by row, written in one statement, and in its transaction brought to who waits for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, NamedTuple

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


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that were read and wait to be stored: the good and the rejected by their place among `count`.

    `columns` are the good ones as Postgres takes them.
    """

    count: int
    good: dict[int, dict[str, Any]]
    rejected: dict[int, RowResult]
    columns: dict[str, str]


class Stored(NamedTuple):
    """What was written of a batch: event_ids that are new, and places among its good rows whose customer is unknown."""

    batch: Batch
    created: set[str]
    unknown: set[int]


def add_events(
    given: Sequence[Mapping[str, Any]], *, now: datetime, zone: tzinfo, when_due: Callable[[], None] | None = None
) -> list[RowResult]:
    """Add events once per `event_id`; one result per row, in order. Times without an offset are local to `zone`.

    They set off the campaigns that wait for them; `when_due` is called where one is due at once.
    """
    batch = read(given, readers(now=now, zone=zone))
    return results(store(batch, now=now, when_due=when_due))


def readers(*, now: datetime, zone: tzinfo) -> dict[str, Reader]:
    """A reader for every field of an event."""
    return READERS | {"occurred_at": fields.moment(now=now, zone=zone)}


def read(given: Sequence[Mapping[str, Any]], readers: Mapping[str, Reader]) -> Batch:
    """Judge the rows. Pure: it may go on while others are stored."""
    good: dict[int, dict[str, Any]] = {}
    rejected: dict[int, RowResult] = {}
    for index, row in enumerate(given):
        values, problems = rows.read(row, readers, needed=NEEDED, extras="properties")
        if problems:
            rejected[index] = RowResult(index, rows.identity(row, "event_id"), "rejected", tuple(problems))
        else:
            good[index] = values
    return Batch(len(given), good, rejected, event_sql.columns(good.values()))


def store(batch: Batch, *, now: datetime, when_due: Callable[[], None] | None = None) -> Stored:
    """Write what was read, and bring it to the campaigns that wait for it."""
    if not batch.good:
        return Stored(batch, set(), set())
    listening = arrivals.listeners({row["name"] for row in batch.good.values()})
    if not listening:
        return Stored(batch, *event_sql.add_events(batch.columns))
    heard = {each.trigger.name for each in listening}
    with transaction.atomic():
        stored = Stored(batch, *event_sql.add_events(batch.columns))
        event_ids = {row["event_id"] for row in batch.good.values() if row["name"] in heard} & stored.created
        is_due = bool(event_ids) and arrivals.arrive(list(event_ids), listening, now=now)
    if is_due and when_due:
        when_due()
    return stored


def ids(batch: Batch) -> set[str]:
    """The event_ids that it may add. Of two batches with one in common, whichever is stored first adds it."""
    return {row["event_id"] for row in batch.good.values()}


def results(stored: Stored) -> list[RowResult]:
    """What became of each row. Pure. The first row of an id is the event, its repetitions are duplicates."""
    batch, told = stored.batch, dict(stored.batch.rejected)
    created = set(stored.created)
    for place, (index, values) in enumerate(batch.good.items()):
        event_id = values["event_id"]
        if place in stored.unknown:
            told[index] = RowResult(index, event_id, "rejected", (_unknown(values["external_id"]),))
        elif event_id in created:
            created.remove(event_id)
            told[index] = RowResult(index, event_id, "created")
        else:
            told[index] = RowResult(index, event_id, "duplicate")
    return [told[index] for index in range(batch.count)]


def _unknown(external_id: str) -> Problem:
    return Problem("external_id", f"customer {external_id} is unknown: send the customer first")
