"""Customers, events and products from CSV files, streamed and committed chunk by chunk.

Reads    a CSV file, gzipped or not
Writes   Customer, Event, Product (through campaigns.ingest), a file of the rejected rows
Promise  good rows are kept, bad ones are listed with their reason, and the same file again changes nothing
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, NamedTuple

from campaigns import ingest
from campaigns.importing import csv_file, outcomes, pace, writers
from campaigns.importing.columns import CUSTOMERS, EVENTS, PRODUCTS, Columns, Layout, understood
from campaigns.importing.csv_file import CsvFile, FileUnreadable, Record
from campaigns.importing.outcomes import CHUNK
from campaigns.importing.rejects import RejectFile
from campaigns.ingest import customers, declared, events
from tenants import context

__all__ = ["FileUnreadable", "Summary", "import_customers", "import_events", "import_products"]

Progress = Callable[[int], None]
WRITERS = 2  # at once, as many as keep the processors busy beside one who reads


@dataclass(frozen=True)
class Ways:
    """How rows of a kind of import become a batch, how it is stored, and what that says of the rows.

    Reading and telling go on beside storing, and never look at the database. Two batches may be stored at once where
    they have nothing in common of `ids`; without it, one is stored after the other.
    """

    kind: str
    read: Callable[[Sequence[Mapping[str, Any]]], Any]
    store: Callable[[Any], Any]
    tell: Callable[[Any], list[ingest.RowResult]]
    ids: Callable[[Any], AbstractSet[str]] | None = None


class UnderWay(NamedTuple):
    """A chunk that writers have, and what no other may bring at the same time: the first in the file is the event."""

    records: list[Record]
    ids: AbstractSet[str]
    stored: Future[Any]


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
        ids=events.ids,
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
        with (
            RejectFile(rejects or Path(f"{path}.rejects.csv"), source=path, header=file.header) as rejected,
            closing(_written(file, columns, ways, rejected)) as chunks,
        ):
            for written in chunks:
                counts.update(written)
                if progress:
                    progress(counts.total())
    ingest.analyze(ways.kind, counts["created"])
    return Summary(counts.total(), dict(counts), time.monotonic() - started, rejected.kept_path)


def _written(file: CsvFile, columns: Columns, ways: Ways, rejected: RejectFile) -> Generator[Counter[str]]:
    """Chunk by chunk, in the file's order, the rows by what became of them. While Postgres stores some, the next are
    read beside it, and what became of those before is told: it never waits for us.
    """

    def take() -> tuple[list[Record], Any]:
        records = file.take(CHUNK)
        return records, ways.read(outcomes.readable(records, columns))

    number = WRITERS if ways.ids else 1
    under_way = deque[UnderWay]()
    with ThreadPoolExecutor(1, thread_name_prefix="reader") as reader, writers.at_work(ways.store, number) as store:
        ahead = reader.submit(take)
        while (chunk := ahead.result())[0]:
            records, batch = chunk
            ahead = reader.submit(take)
            ids = ways.ids(batch) if ways.ids else frozenset()
            while len(under_way) > number or not all(each.ids.isdisjoint(ids) for each in under_way):
                yield _told(under_way.popleft(), ways, rejected)
            under_way.append(UnderWay(records, ids, store(batch)))
        while under_way:
            yield _told(under_way.popleft(), ways, rejected)


def _told(chunk: UnderWay, ways: Ways, rejected: RejectFile) -> Counter[str]:
    """Once it is stored."""
    results = ways.tell(chunk.stored.result())
    return outcomes.counted(outcomes.told(chunk.records, results), rejected.add)
