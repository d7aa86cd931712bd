"""How a retailer's sending does, written where staff see it beside all others.

Reads    Tally, Message, Batch, Run
Writes   Vitals, in the public schema, which no retailer reads
Promise  one row per retailer, replaced by one statement; counted every minute while something goes out, and every hour
         otherwise

What a provider took counts as delivered for the objective, also if it came back: where a message goes is the
retailer's to know. Missed is what failed, was refused, or went unanswered.
"""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta

from django.db import connection

from delivery import summary
from tenants import agenda, context
from tenants.models import Retailer

AGENDA_KIND = "vitals"
RECENT, DAY, MONTH = timedelta(hours=6), timedelta(days=1), timedelta(days=30)
SLOT = timedelta(minutes=5)
_BATCHES = timedelta(hours=24)  # how long a batch may have been due that was worked on in the last hours
OFTEN = timedelta(minutes=1)
LEISURE = 20  # times what the counting takes passes before the next


def expect(retailer: Retailer) -> None:
    """Something begins to go out."""
    agenda.put_missing(retailer, AGENDA_KIND, [0])


def advance(retailer: Retailer, *, now: datetime) -> datetime | None:
    """Returns when to count again; None once nothing went out for a while, and nothing runs."""
    begun = time.monotonic()
    if not write(retailer, now=now):
        return None
    return now + max(OFTEN, timedelta(seconds=LEISURE * (time.monotonic() - begun)))


def write(retailer: Retailer, *, now: datetime) -> bool:
    """Count and write it down; whether something goes out, or went out lately."""
    month = summary.summarise(now - MONTH, now + timedelta(hours=1))
    day = summary.summarise(now - DAY, now + timedelta(hours=1))
    params = {
        "retailer": retailer.pk,
        "now": now,
        "since": now - RECENT,
        "batches": now - _BATCHES,
        "slot": SLOT,
        "day_tried": day.tried.tried,
        "day_missed": day.tried.missed,
        "month_tried": month.tried.tried,
        "month_missed": month.tried.missed,
        "month_taken": month.counts["taken"],
        "month_bounced": month.counts["bounced"],
        "receivers": json.dumps({name: [each.delivered, each.complained] for name, each in month.receivers.items()}),
    }
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, params)
        running, has_recent = cursor.fetchone()
    return bool(running or has_recent)


def write_own(*, now: datetime) -> None:
    """Of the retailer that we act for, if nothing is sent either: what is long ago leaves the windows."""
    write(context.current(), now=now)


_WRITE = f"""
WITH slots AS (
    SELECT extract(epoch FROM date_bin(%(slot)s, message.settled_at, '1970-01-01 00:00+00'))::bigint AS at,
        count(*) AS tried, count(*) FILTER (WHERE message.{summary.MISSED}) AS missed,
        max(message.settled_at) FILTER (WHERE message.{summary.TAKEN}) AS last
    FROM delivery_batch batch JOIN delivery_message message ON message.batch_id = batch.id
    WHERE batch.due_at > %(batches)s AND message.settled_at > %(since)s
        AND (message.{summary.TAKEN} OR message.{summary.MISSED})
    GROUP BY 1
), known AS (
    SELECT coalesce((SELECT jsonb_agg(jsonb_build_array(at, tried, missed) ORDER BY at) FROM slots), '[]') AS recent,
        coalesce((SELECT max(last) FROM slots), (
            SELECT max(tally.hour) FROM campaigns_tally tally WHERE {summary.TAKEN} AND tally.run_id IN (
                SELECT id FROM campaigns_run ORDER BY id DESC LIMIT 5))) AS last_sent_at,
        (SELECT count(*) FROM campaigns_run WHERE state IN ('planned', 'running')) AS running,
        (SELECT count(*) FROM campaigns_run WHERE state = 'paused') AS paused,
        (SELECT coalesce(sum(messages), 0) FROM campaigns_tally tally WHERE state = 'unknown' AND tally.run_id IN (
            SELECT id FROM campaigns_run WHERE finished_at IS NULL OR finished_at > %(now)s - interval '30 days')
        ) AS unknowns
)
INSERT INTO public.tenants_vitals AS vitals (retailer_id, as_of, recent, day_tried, day_missed, month_tried,
    month_missed, month_taken, month_bounced, receivers, running, paused, unknowns, last_sent_at)
SELECT %(retailer)s, %(now)s, recent, %(day_tried)s, %(day_missed)s, %(month_tried)s, %(month_missed)s,
    %(month_taken)s, %(month_bounced)s, %(receivers)s, running, paused, unknowns, last_sent_at FROM known
ON CONFLICT (retailer_id) DO UPDATE SET as_of = excluded.as_of, recent = excluded.recent,
    day_tried = excluded.day_tried, day_missed = excluded.day_missed, month_tried = excluded.month_tried,
    month_missed = excluded.month_missed, month_taken = excluded.month_taken, month_bounced = excluded.month_bounced,
    receivers = excluded.receivers, running = excluded.running, paused = excluded.paused,
    unknowns = excluded.unknowns, last_sent_at = coalesce(excluded.last_sent_at, vitals.last_sent_at)
RETURNING running, recent <> '[]'
"""
