"""Messages whose outcome nobody knows: who looks into them and when, and what was found. One statement per batch.

An unknown message is looked into at `retry_at`; where that is empty it is left to a person. It becomes something else
by evidence, or by a person's word, and never the other way. `attempts` is the message's own epoch: whoever claimed it
at one may write nothing at another.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import connection

from delivery.batches import UNKNOWN
from tenants import agenda
from tenants.models import Retailer

AT_ONCE = 50  # messages looked into under one claim


class Word(StrEnum):
    """What an OutcomeRecord says beside what providers answer."""

    RESEND = "resend"  # wished: it may be sent again, once
    SENT = "sent"  # a person knows that it was
    NOT_SENT = "not_sent"  # a person knows that it was not
    WITHHELD = "withheld"  # it must not be sent again; the detail says why


@dataclass(frozen=True, slots=True)
class Doubt:
    """An unknown message. `now` is the database's; `since` it has been unknown; `first_at` its provider got it first.

    `tries`: how often it was handed over without an answer. `is_wished`: a person said that it shall be sent again.
    """

    message_id: int
    attempts: int
    provider: str
    now: datetime
    since: datetime
    first_at: datetime
    tries: int
    is_wished: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What to write of one message. Without a `state` it stays unknown, to be looked into after `pause` seconds, or by
    a person where that is None. With a `result`, evidence of it is kept.
    """

    message_id: int
    attempts: int
    state: str = UNKNOWN
    result: str = ""
    detail: str = ""
    provider: str = ""
    provider_message_id: str = ""
    pause: float | None = None


def claim(batch_id: int) -> list[Doubt]:
    """Those of the batch that are to be looked into now, held until a lease from now."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [batch_id, AT_ONCE, settings.LEASE_SECONDS])
        return [Doubt(*row) for row in cursor.fetchall()]


def mark(doubts: Iterable[Doubt], provider: str) -> dict[int, int]:
    """Write down that these are about to be handed over again: message -> its attempts from now on.

    Not those that somebody else moved; none at all where nothing may be sent: the run was paused or cancelled, the
    retailer is suspended, or its sending is stopped. Should the worker die now, this counts as a try without answer.
    """
    rows = [(doubt.message_id, doubt.attempts) for doubt in doubts]
    with connection.cursor() as cursor:
        cursor.execute(_MARK, [[row[0] for row in rows], [row[1] for row in rows], provider, provider])
        return dict(cursor.fetchall())


def record(findings: Collection[Finding]) -> None:
    """Write what was found, in one statement. Without effect on what is unknown no more, or was tried again since."""
    if not findings:
        return
    columns = zip(*map(_row, findings), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, [*map(list, columns)])


def due_at(batch_id: int) -> datetime | None:
    """When the next of the batch is to be looked into; None when what is left is a person's."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE_AT, [batch_id])
        return cursor.fetchone()[0]


def announce_missing(retailer: Retailer, run_id: int | None = None) -> None:
    """Put on the agenda what is to be looked into and is not there: it never should be missing."""
    with connection.cursor() as cursor:
        cursor.execute(_LOOKED_INTO, [run_id, run_id])
        batches = [row[0] for row in cursor.fetchall()]
    if batches:
        agenda.put_missing(retailer, UNKNOWN, batches)


def _row(finding: Finding) -> tuple[Any, ...]:
    answer = (finding.provider, finding.provider_message_id[:200])
    return (finding.message_id, finding.attempts, finding.state, finding.result, finding.detail[:300], *answer,
            finding.pause)  # fmt: skip


_CLAIM = """
WITH due AS (
    SELECT id FROM delivery_message
    WHERE batch_id = %s AND state = 'unknown' AND retry_at <= clock_timestamp()
    ORDER BY position LIMIT %s FOR UPDATE SKIP LOCKED
), held AS (
    UPDATE delivery_message message SET retry_at = clock_timestamp() + make_interval(secs => %s)
    FROM due WHERE message.id = due.id RETURNING message.*
)
SELECT held.id, held.attempts, held.provider, clock_timestamp(), coalesce(held.settled_at, clock_timestamp()),
    coalesce(known.first_at, held.send_at), known.tries, coalesce(known.words[1] = 'resend', FALSE)
FROM held CROSS JOIN LATERAL (
    SELECT min(at) FILTER (WHERE record.provider IN ('', held.provider)) AS first_at,
        greatest(count(*) FILTER (WHERE result = 'unknown') - count(*) FILTER (WHERE result = 'unsent'), 1) AS tries,
        array_agg(result ORDER BY record.id DESC) AS words
    FROM delivery_outcomerecord record WHERE record.message_id = held.id
) known
ORDER BY held.position
"""

_MARK = """
WITH asked AS (SELECT * FROM unnest(%s::bigint[], %s::int[]) AS v (id, attempts)), marked AS (
    UPDATE delivery_message message SET attempts = message.attempts + 1, provider = %s
    FROM asked, campaigns_run run, public.tenants_retailer retailer
    WHERE message.id = asked.id AND message.attempts = asked.attempts AND message.state = 'unknown'
      AND run.id = message.run_id AND run.state IN ('running', 'completed')
      AND retailer.schema_name = current_schema() AND retailer.status = 'active'
      AND NOT EXISTS (
          SELECT FROM public.tenants_stop stop WHERE stop.retailer_id IS NULL OR stop.retailer_id = retailer.id
      )
    RETURNING message.id, message.attempts, message.batch_id
), evidence AS (
    INSERT INTO delivery_outcomerecord (message_id, epoch, result, detail, provider)
    SELECT marked.id, batch.epoch, 'unknown', 'handed over again', %s
    FROM marked JOIN delivery_batch batch ON batch.id = marked.batch_id
)
SELECT id, attempts FROM marked
"""

# Evidence stands, whatever became of the message. What is still unknown keeps its reason, unless there is news.
_RECORD = """
WITH finding AS (
    SELECT * FROM unnest(
        %s::bigint[], %s::int[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::float8[]
    ) AS v (id, attempts, state, result, detail, provider, provider_message_id, pause)
), evidence AS (
    INSERT INTO delivery_outcomerecord (message_id, epoch, result, detail, provider, provider_message_id)
    SELECT finding.id, batch.epoch, result, detail, finding.provider, finding.provider_message_id
    FROM finding
    JOIN delivery_message message ON message.id = finding.id
    JOIN delivery_batch batch ON batch.id = message.batch_id
    WHERE result <> ''
)
UPDATE delivery_message message
SET state = finding.state,
    reason = CASE
        WHEN finding.state = 'unknown' AND finding.detail = '' THEN message.reason
        WHEN finding.state = 'accepted' THEN ''
        ELSE finding.detail
    END,
    provider = CASE WHEN finding.provider = '' THEN message.provider ELSE finding.provider END,
    provider_message_id = CASE
        WHEN finding.provider_message_id = '' THEN message.provider_message_id ELSE finding.provider_message_id
    END,
    retry_at = clock_timestamp() + make_interval(secs => finding.pause)
FROM finding
WHERE message.id = finding.id AND message.state = 'unknown' AND message.attempts = finding.attempts
"""

_DUE_AT = """
SELECT min(retry_at) FROM delivery_message WHERE batch_id = %s AND state = 'unknown' AND retry_at IS NOT NULL
"""

# Whatever is unknown has an outcome that says so: messages have no index by their state.
_LOOKED_INTO = """
SELECT DISTINCT batch_id FROM delivery_message
WHERE id IN (SELECT message_id FROM delivery_outcomerecord WHERE result = 'unknown')
  AND state = 'unknown' AND retry_at IS NOT NULL AND (%s::bigint IS NULL OR run_id = %s)
"""
