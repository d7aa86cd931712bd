"""Who began which batch when, written down by Postgres itself; and what the ledger says was sent in it.

A trigger on every retailer's batches notes each lease with the database's clock and its connection, of which each
worker has one. The product knows nothing of it: what it says of itself can be held against it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from tenants import context
from tenants.models import Retailer
from tests.benchmarks.figures import NoFigures

_LOOK_EVERY = 0.1  # seconds


@dataclass(frozen=True, slots=True)
class Lease:
    """A batch begun: by which worker, in which retailer's schema."""

    at: datetime
    worker: int
    schema: str
    batch_id: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Sent:
    """What left under one lease: the oldest version of campaign and template in it, and its first answer."""

    lease: Lease
    campaign: int
    template: int
    answered: datetime


def clock() -> datetime:
    """The database's, by which everything here is timed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def stand_by(retailer: Retailer) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_TABLE)
        cursor.execute(_TRIGGER.format(schema=retailer.schema_name))


def leave() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION IF EXISTS public.bench_note_lease() CASCADE")
        cursor.execute("DROP TABLE IF EXISTS public.bench_lease")


def leases(since: datetime, until: datetime) -> list[Lease]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT at, worker, schema, batch_id, epoch FROM public.bench_lease WHERE at BETWEEN %s AND %s ORDER BY at",
            [since, until],
        )
        return [Lease(*row) for row in cursor.fetchall()]


def await_workers(number: int, *, since: datetime, seconds: float) -> None:
    """Until so many workers have begun a batch later than `since`. Raises NoFigures."""
    deadline = time.monotonic() + seconds
    while (found := _workers(since)) < number:
        if time.monotonic() > deadline:
            raise NoFigures(f"Only {found} of {number} workers began a batch within {seconds:.0f} s.")
        time.sleep(_LOOK_EVERY)


def sent(retailers: Iterable[Retailer], begun: Iterable[Lease]) -> list[Sent]:
    """Of each lease that anything left under."""
    by_name = {(lease.schema, lease.batch_id, lease.epoch): lease for lease in begun}
    found = []
    for retailer in retailers:
        with context.in_retailer(retailer), connection.cursor() as cursor:
            cursor.execute(_SENT)
            rows = cursor.fetchall()
        names = [(retailer.schema_name, batch_id, epoch) for batch_id, epoch, *_ in rows]
        found += [Sent(by_name[name], *row[2:]) for name, row in zip(names, rows, strict=True) if name in by_name]
    return found


def answers(retailers: Iterable[Retailer], since: datetime) -> list[datetime]:
    """When outcomes were written down, a time for each hand-over."""
    found: list[datetime] = []
    for retailer in retailers:
        with context.in_retailer(retailer), connection.cursor() as cursor:
            cursor.execute("SELECT DISTINCT at FROM delivery_outcomerecord WHERE at > %s", [since])
            found += [at for (at,) in cursor.fetchall()]
    return sorted(found)


def _workers(since: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT worker) FROM public.bench_lease WHERE at > %s", [since])
        return int(cursor.fetchone()[0])


_TABLE = """
DO $make$ BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('bench_lease'));
    IF to_regclass('public.bench_lease') IS NULL THEN
        CREATE TABLE public.bench_lease (at timestamptz, worker integer, schema text, batch_id bigint, epoch integer);
        CREATE INDEX ON public.bench_lease (at);
        CREATE FUNCTION public.bench_note_lease() RETURNS trigger LANGUAGE plpgsql AS $note$ BEGIN
            INSERT INTO public.bench_lease
            VALUES (clock_timestamp(), pg_backend_pid(), TG_TABLE_SCHEMA, NEW.id, NEW.epoch);
            RETURN NULL;
        END $note$;
    END IF;
END $make$
"""
_TRIGGER = """
CREATE TRIGGER bench_note_lease AFTER UPDATE ON "{schema}".delivery_batch FOR EACH ROW
WHEN (NEW.epoch > OLD.epoch AND NEW.state = 'claimed') EXECUTE FUNCTION public.bench_note_lease()
"""
_SENT = """
SELECT message.batch_id, outcome.epoch, min(coalesce(version.number, 0)), min(coalesce(template.number, 0)),
       min(outcome.at)
FROM delivery_outcomerecord outcome
JOIN delivery_message message ON message.id = outcome.message_id
LEFT JOIN campaigns_campaignversion version ON version.id = message.version_id
LEFT JOIN campaigns_templateversion template ON template.content_hash = message.template_hash
GROUP BY 1, 2
"""
