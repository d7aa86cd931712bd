"""Customers, events and products from CSV files, streamed and committed chunk by chunk.

Reads    a CSV file, gzipped or not
Writes   Customer, Event, Product (through campaigns.ingest), a file of the rejected rows
Promise  good rows are kept, bad ones are listed with their reason, and the same file again changes nothing
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from campaigns import ingest
from campaigns.importing import csv_file, outcomes
from campaigns.importing.columns import CUSTOMERS, EVENTS, PRODUCTS, Layout, understood
from campaigns.importing.csv_file import FileUnreadable
from campaigns.importing.outcomes import CHUNK, Ingest
from campaigns.importing.rejects import RejectFile
from campaigns.ingest import declared
from tenants import context

__all__ = ["FileUnreadable", "Summary", "import_customers", "import_events", "import_products"]

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Summary:
    """`counts` holds the rows by what became of them; `rejects_path` is None when none was rejected."""

    rows: int
    counts: dict[str, int]
    seconds: float
    rejects_path: Path | None

    @property
    def rejected(self) -> int:
        return self.counts["rejected"]

    def as_dict(self) -> dict[str, Any]:
        path = str(self.rejects_path) if self.rejects_path else None
        return {"rows": self.rows, **self.counts, "seconds": round(self.seconds, 3), "rejects_path": path}

    def __str__(self) -> str:
        counts = ", ".join(f"{count:,} {status}" for status, count in self.counts.items())
        where = f"\nThe rejected rows and why: {self.rejects_path}" if self.rejects_path else ""
        return f"{self.rows:,} rows in {self.seconds:.1f} s: {counts}.{where}"


def import_customers(
    path: Path, *, now: datetime, rejects: Path | None = None, progress: Progress | None = None
) -> Summary:
    """Upsert every customer of the file. Raises FileUnreadable before anything is written."""

    def write(rows: Sequence[Mapping[str, Any]]) -> list[ingest.RowResult]:
        return ingest.upsert_customers(rows, now=now, zone=context.current().tzinfo, source="import")

    return _import(path, CUSTOMERS, write, rejects=rejects, progress=progress)


def import_events(
    path: Path, *, now: datetime, zone: tzinfo, rejects: Path | None = None, progress: Progress | None = None
) -> Summary:
    """Add every event of the file; times without an offset are local to `zone`. Raises FileUnreadable."""

    def write(rows: Sequence[Mapping[str, Any]]) -> list[ingest.RowResult]:
        return ingest.add_events(rows, now=now, zone=zone)

    return _import(path, EVENTS, write, rejects=rejects, progress=progress)


def import_products(
    path: Path, *, now: datetime, rejects: Path | None = None, progress: Progress | None = None
) -> Summary:
    """Upsert every product of the file. Raises FileUnreadable before anything is written."""

    def write(rows: Sequence[Mapping[str, Any]]) -> list[ingest.RowResult]:
        return ingest.upsert_products(rows, now=now)

    return _import(path, PRODUCTS, write, rejects=rejects, progress=progress)


def _import(path: Path, layout: Layout, write: Ingest, *, rejects: Path | None, progress: Progress | None) -> Summary:
    started = time.monotonic()
    counts = Counter[str](dict.fromkeys(layout.outcomes, 0))
    with csv_file.opened(path) as file:
        columns = understood(file.header, layout, declared.types() if layout is CUSTOMERS else {})
        with RejectFile(rejects or Path(f"{path}.rejects.csv"), source=path, header=file.header) as rejected:
            while records := file.take(CHUNK):
                counts.update(outcomes.write_chunk(records, columns, write, rejected.add))
                if progress:
                    progress(counts.total())
    if counts["created"]:
        ingest.analyze()
    return Summary(counts.total(), dict(counts), time.monotonic() - started, rejected.kept_path)
