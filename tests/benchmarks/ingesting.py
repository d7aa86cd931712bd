"""How fast customers and events come in, by command and by API, into tables that are full already.

What counts is what the database then holds, over the time from the first row to the last answer. A command's start,
before it sees its file, is told apart, as the server's is. Other ways to write the same rows (tests.benchmarks.bare)
stand before and after each.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median
from typing import Literal

from django.db import connection

from campaigns import facts
from tenants import context
from tenants.models import Retailer
from tests.benchmarks import bare, doors, engine, rows, usage
from tests.benchmarks.doors import Server
from tests.benchmarks.population import Population
from tests.benchmarks.rows import Kind, Row

Door = Literal["command", "api"]
_TRIAL = 50_000  # rows of the import that tells how many a longer one needs
_SHORT_TRIAL = 2_000
_SPARE = 1.6  # times what the command takes is made for the API
_COPIED, _BULK, _ONE_BY_ONE = 50_000, 5_000, 300  # rows of the other ways, each time; less for short runs
_NUMBERS = 10_000_000  # between the first rows of two batches


@dataclass
class Ingested:
    """Rows a second of one kind."""

    doors: dict[Door, float] = field(default_factory=dict)
    start_s: float = 0.0  # of the command, before its first row
    cpu_s_per_1000: dict[Door, float] = field(default_factory=dict)
    limit: list[float] = field(default_factory=list)
    bulk: list[float] = field(default_factory=list)
    one_by_one: list[float] = field(default_factory=list)

    @property
    def per_s(self) -> float:
        return min(self.doors.values())

    def middle(self, which: str) -> float:
        return median(getattr(self, which))


class Ingest:
    """Both doors of one retailer, for `seconds` each and kind."""

    def __init__(self, retailer: Retailer, people: Population, *, seconds: float) -> None:
        self._retailer, self._people, self._seconds = retailer, people, seconds
        self._postgres = engine.postgres_pid()
        self._folder = Path(os.environ["BANNERLINE_HOME"])
        self._first = count(2 * people.events, _NUMBERS)
        self.measured: dict[Kind, Ingested] = {kind: Ingested() for kind in rows.KINDS}
        self.drifted = 0  # customers whose facts were wrong afterwards
        self.complaints: list[str] = []

    def run(self, say: Callable[[str], None]) -> None:
        """Raises NoFigures."""
        with doors.serving(self._retailer) as server:
            for kind in rows.KINDS:
                self._others(kind)
                rate = self._command(kind)
                say(f"  {kind} by command: {rate:,.0f}/s")
                self._others(kind)
                rate = self._api(kind, server, expected=rate)
                say(f"  {kind} by API: {rate:,.0f}/s")
                self._others(kind)
        with context.in_retailer(self._retailer):
            self.drifted = facts.recompute()
        if self.drifted:
            self.complaints.append(f"the facts of {self.drifted} customers are not what their rows say")

    def _command(self, kind: Kind) -> float:
        file = self._folder / f"{kind}.csv"
        trial = _TRIAL if self._seconds >= 5 else _SHORT_TRIAL
        self._write(file, kind, trial, next(self._first), rows.write_csv)
        _, summary = doors.command(self._retailer, kind, file)
        number = max(trial, int(trial / summary["seconds"] * self._seconds))
        first = next(self._first)
        self._write(file, kind, number, first, rows.write_csv)
        cpu_s = self._cpu_s(os.getpid())
        whole, summary = doors.command(self._retailer, kind, file)
        cpu_s = self._cpu_s(os.getpid()) - cpu_s
        seconds = summary["seconds"]
        self.measured[kind].start_s = whole - seconds
        file.unlink()
        if summary["rejected"]:
            self.complaints.append(f"import_{kind} rejects rows: {summary}")
        return self._note(kind, "command", sent=number, held=self._held(kind, first), seconds=seconds, cpu_s=cpu_s)

    def _api(self, kind: Kind, server: Server, *, expected: float) -> float:
        file = self._folder / f"{kind}.jsonl"
        number = -(-int(expected * self._seconds * _SPARE) // rows.PER_CALL) * rows.PER_CALL
        first = next(self._first)
        self._write(file, kind, number, first, rows.write_bodies)
        cpu_s = self._cpu_s(server.pid)
        seconds, calls = server.call(kind, file, seconds=self._seconds)
        cpu_s = self._cpu_s(server.pid) - cpu_s
        file.unlink()
        sent = calls * rows.PER_CALL
        return self._note(kind, "api", sent=sent, held=self._held(kind, first), seconds=seconds, cpu_s=cpu_s)

    def _note(self, kind: Kind, door: Door, *, sent: int, held: int, seconds: float, cpu_s: float) -> float:
        if held != sent:
            self.complaints.append(f"{sent} {kind} were sent by {door}, and {held} are there")
        self.measured[kind].cpu_s_per_1000[door] = cpu_s / max(1, held) * 1000
        self.measured[kind].doors[door] = held / seconds
        return held / seconds

    def _cpu_s(self, process: int) -> float:
        """Of a process with its children, and of Postgres where it runs here; whoever calls is not counted."""
        return usage.cpu_seconds([process, *filter(None, [self._postgres])])

    def _others(self, kind: Kind) -> None:
        """New rows alone: of customers that is every other one."""
        share = min(1.0, self._seconds / 20)
        numbers = [max(100, int(each * share)) for each in (_COPIED, _BULK, _ONE_BY_ONE)]
        ways = ("limit", "bulk", "one_by_one")
        with context.in_retailer(self._retailer):
            for number, way, write in zip(numbers, ways, (bare.copy, bare.in_bulk, bare.one_by_one), strict=True):
                given = self._new_rows(kind, number)
                getattr(self.measured[kind], way).append(write(kind, given))

    def _new_rows(self, kind: Kind, number: int) -> list[Row]:
        share = 1 if kind == "events" else 2
        made = rows.rows(kind, self._people, number * share, first=next(self._first))
        last = f"c{self._people.customers:09}"
        return [row for row in made if kind == "events" or row["external_id"] > last]

    def _write(
        self, file: Path, kind: Kind, number: int, first: int, write: Callable[[Path, Kind, Iterator[Row]], None]
    ) -> None:
        with context.in_retailer(self._retailer):
            write(file, kind, rows.rows(kind, self._people, number, first=first))

    def _held(self, kind: Kind, first: int) -> int:
        """How many of a batch are in the tables: events by their ids, customers by the mark on them."""
        with context.in_retailer(self._retailer), connection.cursor() as cursor:
            if kind == "events":
                ids = [f"n{first:010}", f"n{first + _NUMBERS:010}"]
                cursor.execute("SELECT count(*) FROM campaigns_event WHERE event_id >= %s AND event_id < %s", ids)
            else:
                cursor.execute(
                    "SELECT count(*) FROM campaigns_customer WHERE attributes ->> 'batch' = %s", [str(first)]
                )
            return int(cursor.fetchone()[0])
