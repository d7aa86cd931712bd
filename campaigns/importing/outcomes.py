"""Rows of a file written chunk by chunk, and what became of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from campaigns.importing.columns import Columns
from campaigns.importing.csv_file import Record
from campaigns.ingest import Problem, RowResult, Status

CHUNK = 5_000  # rows per commit

Ingest = Callable[[Sequence[Mapping[str, Any]]], list[RowResult]]
Outcome = tuple[Record, Status, tuple[Problem, ...]]


def of(records: Sequence[Record], columns: Columns, write: Ingest) -> Iterator[Outcome]:
    """Writes the readable ones in one call; each record with its status, and the problems of a rejected one."""
    yield from told(records, write(readable(records, columns)))


def readable(records: Sequence[Record], columns: Columns) -> list[dict[str, Any]]:
    """The rows of the records that are rows at all."""
    return [columns.row(record.cells) for record in records if not record.problem]


def told(records: Sequence[Record], written: Sequence[RowResult]) -> Iterator[Outcome]:
    """Each record with what became of it, given what became of the readable ones."""
    results = iter(written)
    for record in records:
        if record.problem:
            yield record, "rejected", (Problem("", record.problem),)
        else:
            result = next(results)
            yield record, result.status, result.problems


def write_chunk(
    records: Sequence[Record], columns: Columns, write: Ingest, reject: Callable[[Record, str], None]
) -> Counter[str]:
    """The rows counted by their status. `reject` is called with every rejected record and the reason."""
    return counted(of(records, columns, write), reject)


def counted(outcomes: Iterable[Outcome], reject: Callable[[Record, str], None]) -> Counter[str]:
    """As `write_chunk`, of what is written already."""
    counts = Counter[str]()
    for record, status, problems in outcomes:
        counts[status] += 1
        if status == "rejected":
            reject(record, "; ".join(map(str, problems)))
    return counts
