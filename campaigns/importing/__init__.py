"""Customers, events and products from CSV files, streamed and committed chunk by chunk.

Reads    a CSV file, gzipped or not
Writes   Customer, Event, Product (through campaigns.ingest), a file of the rejected rows
Promise  good rows are kept, bad ones are listed with their reason, and the same file again changes nothing
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from campaigns import ingest
from campaigns.importing import csv_file, outcomes, pace
from campaigns.importing.columns import CUSTOMERS, EVENTS, PRODUCTS, Columns, Layout, understood
from campaigns.importing.csv_file import CsvFile, FileUnreadable, Record
from campaigns.importing.outcomes import CHUNK
from campaigns.importing.rejects import RejectFile
from campaigns.ingest import customers, declared, events
from tenants import context

__all__ = ["FileUnreadable", "Summary", "import_customers", "import_events", "import_products"]

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Ways:
    """How rows of a kind of import become a batch, how it is stored, and what that says of the rows.

    Reading and telling go on beside storing, and never look at the database.
    """

    kind: str
    read: Callable[[Sequence[Mapping[str, Any]]], Any]
    store: Callable[[Any], Any]
    tell: Callable[[Any], list[ingest.RowResult]]


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
    zone, types = context.current().tzinfo, declared.types()
    reading = customers.reading(now=now, zone=zone, types=types, source="import")
    ways = Ways(
        kind="customers",
        read=lambda rows: customers.read(rows, reading),
        store=lambda batch: customers.store(batch, now=now),
        tell=customers.results,
    )
    return _import(path, CUSTOMERS, ways, types=types, rejects=rejects, progress=progress)


def import_events(
    path: Path, *, now: datetime, zone: tzinfo, rejects: Path | None = None, progress: Progress | None = None
) -> Summary:
    """Add every event of the file; times without an offset are local to `zone`. Raises FileUnreadable."""
    readers = events.readers(now=now, zone=zone)
    ways = Ways(
        kind="events",
        read=lambda rows: events.read(rows, readers),
        store=lambda batch: events.store(batch, now=now),
        tell=events.results,
    )
    return _import(path, EVENTS, ways, rejects=rejects, progress=progress)


def import_products(
    path: Path, *, now: datetime, rejects: Path | None = None, progress: Progress | None = None
) -> Summary:
    """Upsert every product of the file. Raises FileUnreadable before anything is written."""
    ways = Ways(kind="products", read=list, store=lambda rows: ingest.upsert_products(rows, now=now), tell=list)
    return _import(path, PRODUCTS, ways, rejects=rejects, progress=progress)


def _import(
    path: Path,
    layout: Layout,
    ways: Ways,
    *,
    types: Mapping[str, str] | None = None,
    rejects: Path | None,
    progress: Progress | None,
) -> Summary:
    started = time.monotonic()
    counts = Counter[str](dict.fromkeys(layout.outcomes, 0))
    with csv_file.opened(path) as file, pace.brisk():
        columns = understood(file.header, layout, types or {})
        with RejectFile(rejects or Path(f"{path}.rejects.csv"), source=path, header=file.header) as rejected:
            for written in _written(file, columns, ways, rejected):
                counts.update(written)
                if progress:
                    progress(counts.total())
    ingest.analyze(ways.kind, counts["created"])
    return Summary(counts.total(), dict(counts), time.monotonic() - started, rejected.kept_path)


def _written(file: CsvFile, columns: Columns, ways: Ways, rejected: RejectFile) -> Iterator[Counter[str]]:
    """Chunk by chunk, the rows by what became of them. While Postgres stores one, the next is read beside it, and what
    became of the one before is told: it never waits for us.
    """

    def take() -> tuple[list[Record], Any]:
        records = file.take(CHUNK)
        return records, ways.read(outcomes.readable(records, columns))

    def tell(records: list[Record], stored: Any) -> Counter[str]:
        return outcomes.counted(outcomes.told(records, ways.tell(stored)), rejected.add)

    with ThreadPoolExecutor(1, thread_name_prefix="beside") as beside:
        ahead, behind = beside.submit(take), None
        while (chunk := ahead.result())[0]:
            records, batch = chunk
            ahead = beside.submit(take)
            stored = ways.store(batch)
            if behind:
                yield behind.result()
            behind = beside.submit(tell, records, stored)
        if behind:
            yield behind.result()
