"""An import tried on its first rows: written, looked at, and taken back, so that the answer is the import's own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Model

from campaigns.importing import csv_file, kinds, mapping, outcomes, uploads
from campaigns.importing.csv_file import Record
from campaigns.importing.kinds import Circumstances, Kind
from campaigns.importing.outcomes import Outcome
from campaigns.ingest import Problem
from campaigns.models import Import

MOST_LOOKED_AT = 5_000
MOST_SHOWN = 20
MOST_REASONS = 5


@dataclass(frozen=True)
class Shown:
    """A row as it would be stored; its values stand in the order of the trial's fields, none when it is rejected."""

    number: int
    status: str
    values: list[Any]
    reason: str = ""


@dataclass(frozen=True)
class Reason:
    """Why `count` rows are rejected, as the first of them reads."""

    message: str
    count: int
    number: int
    cells: str


@dataclass(frozen=True)
class Trial:
    """`is_whole` when the file has no more rows than were looked at."""

    looked_at: int
    is_whole: bool
    counts: dict[str, int]
    reasons: list[Reason]
    fields: list[str]
    shown: list[Shown]

    @property
    def rejected(self) -> int:
        return self.counts["rejected"]


def attempt(job: Import, given: Circumstances) -> Trial:
    """What would become of the first rows. Raises FileUnreadable."""
    kind = kinds.of(job)
    columns = mapping.columns(job)
    with csv_file.opened(uploads.path(job), uploads.form(job)) as file:
        records = file.take(MOST_LOOKED_AT)
        is_whole = not file.take(1)
    fields = _fields(job, kind)
    with transaction.atomic():
        found = list(outcomes.of(records, columns, lambda rows: kind.write(rows, given)))
        stored = _stored(kind, [columns.row(record.cells) for record, _, _ in _accepted(found[:MOST_SHOWN])])
        shown = [_shown(each, columns.row, stored, kind, fields) for each in found[:MOST_SHOWN]]
        transaction.set_rollback(True)
    counted = Counter[str](status for _, status, _ in found)
    counts = {status: counted[status] for status in kind.layout.outcomes}
    return Trial(len(found), is_whole, counts, _reasons(found, kind), fields, shown)


def _accepted(found: list[Outcome]) -> list[Outcome]:
    return [each for each in found if each[1] != "rejected"]


def _fields(job: Import, kind: Kind) -> list[str]:
    """The fields that the file fills, ours first and in our order."""
    filled = {field for field in job.mapping if field} | {field for field, value in job.constants.items() if value}
    ours = [field for field in kind.layout.fields if field in filled and _is_stored(field, kind)]
    return ours + [field for field in job.mapping if field and field not in kind.layout.fields]


def _is_stored(field: str, kind: Kind) -> bool:
    """The proof of a consent is kept beside its customer."""
    return field == "external_id" or hasattr(kind.model, field)


def _stored(kind: Kind, rows: list[dict[str, Any]]) -> dict[str, Model]:
    identities = [str(row[kind.identity]).strip() for row in rows]
    found = kind.model._default_manager.filter(**{f"{kind.identity}__in": identities})
    if kind.model.__name__ == "Event":
        found = found.select_related("customer")
    return {getattr(each, kind.identity): each for each in found}


def _shown(outcome: Outcome, row: Any, stored: dict[str, Model], kind: Kind, fields: list[str]) -> Shown:
    record, status, problems = outcome
    if status == "rejected":
        return Shown(record.number, status, [], "; ".join(_told(problem, kind) for problem in problems))
    kept = stored.get(str(row(record.cells)[kind.identity]).strip())
    return Shown(record.number, status, [_value(kept, field, kind) for field in fields])


def _value(kept: Any, field: str, kind: Kind) -> Any:
    prefix = f"{kind.layout.extras}."
    if field.startswith(prefix):
        return getattr(kept, kind.layout.extras).get(field.removeprefix(prefix), "")
    if field == "external_id" and hasattr(kept, "customer"):
        return kept.customer.external_id
    return getattr(kept, field, "")


def _reasons(found: list[Outcome], kind: Kind) -> list[Reason]:
    """The most frequent ones. Messages that end in the same cure are one reason, whatever values they quote."""
    first: dict[tuple[str, str], tuple[Record, Problem]] = {}
    counts = Counter[tuple[str, str]]()
    for record, _, problems in found:
        for problem in problems:
            key = problem.field.partition(".")[0], problem.message.rpartition(": ")[2]
            counts[key] += 1
            first.setdefault(key, (record, problem))
    told = [(first[key], count) for key, count in counts.most_common(MOST_REASONS)]
    return [
        Reason(_told(problem, kind), count, record.number, uploads.clean(", ".join(record.cells))[:200])
        for (record, problem), count in told
    ]


def _told(problem: Problem, kind: Kind) -> str:
    """The problem with its field called as people call it."""
    joint = " " if problem.message.startswith("is ") else ": "  # "Customer number is required: ..."
    told = f"{kind.label(problem.field)}{joint}{problem.message}" if problem.field else problem.message
    return uploads.clean(told)
