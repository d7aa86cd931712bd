"""Customers in: validated row by row, written set by set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple

from django.db import transaction

from campaigns.facts import upkeep
from campaigns.ingest import consents, customer_sql, declared, documents, fields, rows, turns
from campaigns.ingest.fields import Invalid, Reader
from campaigns.ingest.results import Problem, RowResult
from tenants import acting, prepared

READERS: dict[str, Reader] = {
    "external_id": fields.needed(100, cure="it is your own id of the customer"),
    "email": fields.email,
    "phone": fields.text(40),  # made E.164 once the country is known
    "first_name": fields.text(100),
    "last_name": fields.text(100),
    "city": fields.text(100),
    "country": fields.text(100),
    "timezone": fields.timezone,
    "locale": fields.locale,
    "consent_email": fields.boolean,
    "consent_sms": fields.boolean,
    "consent_push": fields.boolean,
    "consent_source": fields.text(200),  # the proof of the flags, where there is one; also consent_at
    "consent_text": consents.shown,
    "attributes": documents.attributes,
}
NEEDED = ("external_id",)
_PLANS = 1.0  # seconds for which batches share them
OVERFULL = Problem(
    "attributes",
    f"would exceed {documents.MOST_KEYS} keys or {documents.MOST_BYTES:,} bytes together with those stored: "
    "remove some by giving them null",
)


@dataclass(slots=True)
class _Wanted:
    """What a customer shall become, what the customer said, and the rows that tell of it."""

    values: dict[str, Any]
    said: list[dict[str, Any]]
    indexes: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Reading:
    """How rows are read: a reader for every field, made for these `types` of declared attributes.

    `source` is the door they come through.
    """

    readers: Mapping[str, Reader]
    types: Mapping[str, str]
    source: str

    def of(self, types: Mapping[str, str]) -> Reading:
        """The same, for attributes as they are declared now."""
        return replace(self, types=types, readers={**self.readers, "attributes": declared.attributes(types)})


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that were read and wait to be stored: `rows`, and the same as `columns`, are customers by `wanted`'s ids;
    `said` is what they said of messages.
    """

    given: Sequence[Mapping[str, Any]]
    reading: Reading
    results: list[RowResult]
    wanted: dict[str, _Wanted]
    rows: list[dict[str, Any]]
    columns: customer_sql.Columns
    said: list[dict[str, Any]]


class Stored(NamedTuple):
    """A batch as it was written, and what became of its customers but those that stay as they are."""

    batch: Batch
    outcomes: list[tuple[str, customer_sql.Outcome]]


def upsert_customers(
    given: Sequence[Mapping[str, Any]], *, now: datetime, zone: tzinfo = UTC, source: str = "api", by: str = ""
) -> list[RowResult]:
    """Create or update by `external_id`; one result per row, in order.

    Fields that are absent keep what is stored, attributes merge, null clears. Of a customer given twice, the later
    row wins field by field and carries the result; the earlier ones count as unchanged. What turns a channel's consent
    over is put down as said through `source` (`api`, `import`, `console`, `demo`), recorded by `by` (whoever acts);
    times of consents without an offset are local to `zone`. A file's bare yes (`source` begins with `import`) does not
    overturn a no that was said elsewhere: only one with its time, later than the no, does.
    """
    batch = read(given, reading(now=now, zone=zone, types=declared.types(), source=source))
    return write(batch, now=now, by=by)


def reading(*, now: datetime, zone: tzinfo, types: Mapping[str, str], source: str) -> Reading:
    """`types` says which attributes are declared as what."""
    said = {"consents": consents.entries(now=now, zone=zone), "consent_at": consents.moment_or_none(now=now, zone=zone)}
    return Reading(READERS | said, {}, source).of(types)


def read(given: Sequence[Mapping[str, Any]], reading: Reading) -> Batch:
    """Judge the rows. Pure: it may go on while others are stored."""
    results: list[RowResult] = []
    wanted: dict[str, _Wanted] = {}
    for index, row in enumerate(given):
        values, said, problems = _read(row, reading.readers, reading.source)
        if not problems:
            problems = _want(wanted, index, values, said)
        identity = rows.identity(row, "external_id") if problems else values["external_id"]
        results.append(RowResult(index, identity, "rejected" if problems else "unchanged", tuple(problems)))
    stored = [_stored(each.values) for each in wanted.values()]
    said = [each | {"external_id": name} for name, it in wanted.items() for each in it.said]
    return Batch(given, reading, results, wanted, stored, customer_sql.columns(stored), said)


def write(batch: Batch, *, now: datetime, by: str = "") -> list[RowResult]:
    """Store what was read; what became of each row."""
    return results(store(batch, now=now, by=by))


def store(batch: Batch, *, now: datetime, by: str = "") -> Stored:
    """Write what was read. What was declared otherwise meanwhile is read once more."""
    if not batch.rows:
        return Stored(batch, [])
    prepared.plan_anew(older_than=_PLANS)
    with turns.prompt(), transaction.atomic():
        return _store(batch, now=now, by=by)


def _store(batch: Batch, *, now: datetime, by: str) -> Stored:
    slots, types = upkeep.wait_for_turn_and_attributes()
    if types != batch.reading.types:
        batch = read(batch.given, batch.reading.of(types))
        if not batch.rows:
            return Stored(batch, [])
    proof = customer_sql.Proof(batch.reading.source, (by or acting.current().name)[:200])
    outcomes = customer_sql.upsert_customers(batch.columns, batch.said, slots, now=now, proof=proof)
    return Stored(batch, outcomes)


def results(stored: Stored) -> list[RowResult]:
    """What became of each row. Pure."""
    told = list(stored.batch.results)
    for external_id, outcome in stored.outcomes:
        _note(told, external_id, stored.batch.wanted[external_id].indexes, outcome)
    return told


def _read(
    row: Any, readers: Mapping[str, Reader], source: str
) -> tuple[dict[str, Any], list[dict[str, Any]], list[Problem]]:
    values, problems = rows.read(row, readers, needed=NEEDED, extras="attributes")
    if values.get("phone"):
        try:
            values["phone"] = fields.phone(values["phone"], country=values.get("country", ""))
        except Invalid as invalid:
            problems.append(Problem("phone", str(invalid)))
    if values.get("attributes", ()) is None:
        values |= {"attributes": {}, "wiped": True}
    said: list[dict[str, Any]] = []
    try:
        said = consents.taken(values, source=source)
    except Invalid as invalid:
        problems.append(Problem(invalid.path, str(invalid)))
    return values, said, problems


def _want(wanted: dict[str, _Wanted], index: int, values: dict[str, Any], said: list[dict[str, Any]]) -> list[Problem]:
    earlier = wanted.get(values["external_id"])
    if earlier is None:
        wanted[values["external_id"]] = _Wanted(values, said, [index])
        return []
    try:
        earlier.values = _merged(earlier.values, values)
    except Invalid as invalid:
        return [Problem("attributes", str(invalid))]
    earlier.said = _also_said(earlier, values, said)
    earlier.indexes.append(index)
    return []


def _merged(earlier: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    merged = earlier | later
    if "attributes" in earlier and "attributes" in later and not later.get("wiped"):
        merged["attributes"] = documents.attributes(earlier["attributes"] | later["attributes"])
    return merged


def _also_said(earlier: _Wanted, later: dict[str, Any], said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each entry once; a later flag of a channel that an entry spoke of before is an entry after it."""
    spoken_of = {each["channel"] for each in earlier.said if not each["topic"]}
    flags = [name for name in spoken_of if f"consent_{name}" in later]
    said = said + [consents.flagged(name, later[f"consent_{name}"], {}, source="") for name in sorted(flags)]
    return earlier.said + [each for each in said if each not in earlier.said]


def _stored(values: dict[str, Any]) -> dict[str, Any]:
    """The row as the statement takes it: attributes to set apart from those to remove."""
    removed = [key for key, value in values.get("attributes", {}).items() if value is None]
    if not removed:
        return values
    kept = {key: value for key, value in values["attributes"].items() if value is not None}
    return values | {"attributes": kept, "removed": removed}


def _note(results: list[RowResult], external_id: str, indexes: list[int], outcome: customer_sql.Outcome) -> None:
    if outcome == "overfull":
        for index in indexes:
            results[index] = RowResult(index, external_id, "rejected", (OVERFULL,))
    else:
        results[indexes[-1]] = RowResult(indexes[-1], external_id, outcome)
