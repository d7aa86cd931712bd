"""Changes of live configuration, announced to every worker, and how long workers took to know of them.

Across batches nothing is cached but what was made of rows that still stand (tenants.kept), so a worker knows of a
change when it begins its next batch: there is nothing to invalidate, and nobody who could miss that. What is measured
is told on the fleet page.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from tenants import prepared
from tenants.models import Change, Retailer

REMEMBERED = "1 day"
RECENT = "10 minutes"  # changes a worker still looks back at


@dataclass(frozen=True)
class Propagation:
    """Seconds from a change to the first batch that a busy worker began knowing of it, over the last day."""

    sightings: int
    p50: float | None
    p99: float | None
    workers: int


def announce(retailer: Retailer | None, what: str) -> None:
    """Say, in the transaction of the change, that live configuration changed."""
    Change.objects.create(retailer=retailer, what=what[:200])


def see(*, busy_since: datetime) -> None:
    """This worker begins a batch: note the changes made while it was busy that it has not noted yet."""
    prepared.rows(_SEE, {"worker": this_worker(), "busy_since": busy_since, "recent": RECENT})


def propagation() -> Propagation:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*), percentile_disc(0.5) WITHIN GROUP (ORDER BY seconds),
                   percentile_disc(0.99) WITHIN GROUP (ORDER BY seconds), count(DISTINCT worker)
            FROM public.tenants_sighting sighting JOIN public.tenants_change change ON change.id = sighting.change_id
            WHERE change.at > clock_timestamp() - %s::interval
            """,
            [REMEMBERED],
        )
        return Propagation(*cursor.fetchone())


def forget_old() -> None:
    """Keep the tables small: called now and then by the clock."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM public.tenants_sighting WHERE change_id IN (SELECT id FROM public.tenants_change "
                       "WHERE at < clock_timestamp() - %s::interval)", [REMEMBERED])  # fmt: skip
        cursor.execute("DELETE FROM public.tenants_change WHERE at < clock_timestamp() - %s::interval", [REMEMBERED])


def this_worker() -> str:
    """Worked out at each call: a forked child is another worker."""
    return f"{socket.gethostname()}:{os.getpid()}"[:100]


_SEE = """
INSERT INTO public.tenants_sighting (change_id, worker, seconds)
SELECT id, %(worker)s::text, extract(epoch FROM clock_timestamp() - at) FROM public.tenants_change change
WHERE at > greatest(clock_timestamp() - %(recent)s::interval, %(busy_since)s::timestamptz)
  AND NOT EXISTS (
      SELECT FROM public.tenants_sighting seen WHERE seen.change_id = change.id AND seen.worker = %(worker)s)
ON CONFLICT DO NOTHING
RETURNING change_id
"""
