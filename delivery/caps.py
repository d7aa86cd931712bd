"""How many messages a person may get in a period, over all channels and campaigns of a retailer.

Counted twice: when a run's audience is chosen, by the ledger as it stands then, and at hand-over, which has the last
word.

What counts is what was handed over within the period, and what is in somebody's hands right now. Who counts holds the
retailer's turn until its own messages are marked, so that no two batches give a person the last one allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection

from campaigns import compiler
from campaigns.compiler import Sql
from campaigns.config.campaign import PerCustomer
from campaigns.config.values import format_duration
from campaigns.models import Run


def one_at_a_time() -> None:
    """Wait for the retailer's turn to count and mark, and hold it until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('hand-over of ' || current_schema(), 0))")


def reached(message_ids: Sequence[int], caps: Sequence[PerCustomer]) -> dict[int, str]:
    """Those of the messages whose customer has had as many as a cap allows, each with the reason."""
    with connection.cursor() as cursor:
        messages, seconds = [cap.messages for cap in caps], [cap.per.total_seconds() for cap in caps]
        cursor.execute(_REACHED, [messages, seconds, list(message_ids)])
        return {message_id: words(caps[number - 1]) for message_id, number in cursor.fetchall()}


def full(caps: Sequence[PerCustomer], *, now: datetime, among: Sql = compiler.EVERYBODY) -> Sql:
    """The condition on `f` that a cap allows this person no further message now.

    `among` is a query of the only people it will be asked of, where they are few: no other's messages are read.
    """
    if not caps:
        return compiler.NOBODY
    since = [now - cap.per for cap in caps]
    few = Sql("TRUE") if among is compiler.EVERYBODY else Sql(f"m.customer_id IN ({among.text})", among.params)
    bounds = " OR ".join(f"count(*) FILTER (WHERE {_IN_HAND} OR m.settled_at > %s) >= %s" for _ in caps)
    text = f"""
        f.customer_id IN (
            SELECT m.customer_id FROM delivery_message m
            WHERE (m.state IN ({_COUNTS}) AND m.settled_at > %s OR {_IN_HAND}) AND {few.text} AND m.run_id IN (
                SELECT id FROM campaigns_run WHERE finished_at IS NULL OR finished_at > %s
            )
            GROUP BY m.customer_id HAVING {bounds}
        )"""
    held_against = [value for at, cap in zip(since, caps, strict=True) for value in (at, cap.messages)]
    return Sql(text, (min(since), *few.params, min(since) - _LEEWAY, *held_against))


def had(messages: int, *, since: datetime, run: Run | None = None) -> Sql:
    """The condition on `f` that somebody had so many messages since then; with `run`, its queued ones count as had."""
    waiting = "OR m.state = 'queued' AND m.run_id = %s" if run else ""
    text = f"""
        f.customer_id IN (
            SELECT m.customer_id FROM delivery_message m
            WHERE (m.state IN ({_COUNTS}) AND m.settled_at > %s OR {_IN_HAND} {waiting}) AND m.run_id IN (
                SELECT id FROM campaigns_run WHERE finished_at IS NULL OR finished_at > %s
            )
            GROUP BY m.customer_id HAVING count(*) >= %s
        )"""
    return Sql(text, (since, *([run.pk] if run else []), since - _LEEWAY, messages))


def number(cap: PerCustomer, *, now: datetime) -> Sql:
    """How many messages of the cap's period `f` has had by now."""
    text = f"""(SELECT count(*) FROM delivery_message m WHERE m.customer_id = f.customer_id
        AND (m.state IN ({_COUNTS}) AND m.settled_at > %s OR {_IN_HAND}))"""
    return Sql(text, (now - cap.per,))


def words(cap: PerCustomer) -> str:
    """The reason that a message over the cap is told with."""
    return f"over the limit of {cap.messages} message{'s' * (cap.messages > 1)} in {format_duration(cap.per)}"


_LEEWAY = timedelta(hours=1)  # a run is told finished by a worker's clock, a message settled by the database's
_COUNTS = "'accepted', 'delivered', 'bounced', 'unknown'"
_IN_HAND = """(m.state = 'queued' AND EXISTS (
    SELECT FROM delivery_batch batch WHERE batch.id = m.batch_id
      AND m.position >= batch.handed_from AND m.position < batch.handed_to
      AND m.position <> ALL(batch.handed_except)
))"""
_REACHED = f"""
SELECT DISTINCT ON (mine.id) mine.id, cap.number
FROM delivery_message mine, unnest(%s::int[], %s::float8[]) WITH ORDINALITY AS cap (messages, seconds, number)
WHERE mine.id = ANY(%s::bigint[]) AND cap.messages <= (
    SELECT count(*) FROM delivery_message m
    WHERE m.customer_id = mine.customer_id AND (
        m.state IN ({_COUNTS}) AND m.settled_at > clock_timestamp() - make_interval(secs => cap.seconds)
        OR {_IN_HAND}
    )
)
ORDER BY mine.id, cap.number
"""
