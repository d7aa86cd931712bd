"""Customers in: validated row by row, written in one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from campaigns.ingest import documents, fields, rows, sql
from campaigns.ingest.fields import Invalid, Reader
from campaigns.ingest.results import Problem, RowResult

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
    "attributes": documents.attributes,
}
NEEDED = ("external_id",)
OVERFULL = Problem(
    "attributes",
    f"would exceed {documents.MOST_KEYS} keys or {documents.MOST_BYTES:,} bytes together with those stored: "
    "remove some by giving them null",
)


@dataclass(slots=True)
class _Wanted:
    """What a customer shall become, and the rows that ask for it."""

    values: dict[str, Any]
    indexes: list[int] = field(default_factory=list)


def upsert_customers(given: Sequence[Mapping[str, Any]], *, now: datetime) -> list[RowResult]:
    """Create or update by `external_id`; one result per row, in order.

    Fields that are absent keep what is stored, attributes merge, null clears. Of a customer given twice, the later
    row wins field by field and carries the result; the earlier ones count as unchanged.
    """
    results: list[RowResult] = []
    wanted: dict[str, _Wanted] = {}
    for index, row in enumerate(given):
        values, problems = _read(row)
        if not problems:
            problems = _want(wanted, index, values)
        identity = rows.identity(row, "external_id") if problems else values["external_id"]
        results.append(RowResult(index, identity, "rejected" if problems else "unchanged", tuple(problems)))
    if wanted:
        for external_id, outcome in sql.upsert_customers([_stored(each.values) for each in wanted.values()], now=now):
            _note(results, wanted[external_id].indexes, outcome)
    return results


def _read(row: Any) -> tuple[dict[str, Any], list[Problem]]:
    values, problems = rows.read(row, READERS, needed=NEEDED, extras="attributes")
    if values.get("phone"):
        try:
            values["phone"] = fields.phone(values["phone"], country=values.get("country", ""))
        except Invalid as invalid:
            problems.append(Problem("phone", str(invalid)))
    if values.get("attributes", ()) is None:
        values |= {"attributes": {}, "wiped": True}
    return values, problems


def _want(wanted: dict[str, _Wanted], index: int, values: dict[str, Any]) -> list[Problem]:
    earlier = wanted.get(values["external_id"])
    if earlier is None:
        wanted[values["external_id"]] = _Wanted(values, [index])
        return []
    try:
        earlier.values = _merged(earlier.values, values)
    except Invalid as invalid:
        return [Problem("attributes", str(invalid))]
    earlier.indexes.append(index)
    return []


def _merged(earlier: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    merged = earlier | later
    if "attributes" in earlier and "attributes" in later and not later.get("wiped"):
        merged["attributes"] = documents.attributes(earlier["attributes"] | later["attributes"])
    return merged


def _stored(values: dict[str, Any]) -> dict[str, Any]:
    """The row as the statement takes it: attributes to set apart from those to remove."""
    removed = [key for key, value in values.get("attributes", {}).items() if value is None]
    if not removed:
        return values
    kept = {key: value for key, value in values["attributes"].items() if value is not None}
    return values | {"attributes": kept, "removed": removed}


def _note(results: list[RowResult], indexes: list[int], outcome: sql.Outcome) -> None:
    if outcome == "overfull":
        for index in indexes:
            results[index] = replace(results[index], status="rejected", problems=(OVERFULL,))
    else:
        results[indexes[-1]] = replace(results[indexes[-1]], status=outcome)
