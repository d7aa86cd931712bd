"""Rows of a file written chunk by chunk, and what became of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from campaigns.importing.columns import Columns
from campaigns.importing.csv_file import Record
from campaigns.ingest import Problem, RowResult, Status

CHUNK = 5_000  # rows per commit

Ingest = Callable[[Sequence[Mapping[str, Any]]], list[RowResult]]
Outcome = tuple[Record, Status, tuple[Problem, ...]]


def of(records: Sequence[Record], columns: Columns, write: Ingest) -> Iterator[Outcome]:
    """Writes the readable ones in one call; each record with its status, and the problems of a rejected one."""
    readable = [record for record in records if not record.problem]
    results = iter(write([columns.row(record.cells) for record in readable]))
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
    counts = Counter[str]()
    for record, status, problems in of(records, columns, write):
        counts[status] += 1
        if status == "rejected":
            reject(record, "; ".join(map(str, problems)))
    return counts
