"""How many messages a person may get in a period: counted at hand-over, over all channels and campaigns of a retailer.

What counts is what was handed over within the period, and what is in somebody's hands right now. Who counts holds the
retailer's turn until its own messages are marked, so that no two batches give a person the last one allowed.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from campaigns.config.campaign import PerCustomer
from campaigns.config.values import format_duration


def one_at_a_time() -> None:
    """Wait for the retailer's turn to count and mark, and hold it until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('hand-over of ' || current_schema(), 0))")


def reached(message_ids: Sequence[int], caps: Sequence[PerCustomer]) -> dict[int, str]:
    """Those of the messages whose customer has had as many as a cap allows, each with the reason."""
    with connection.cursor() as cursor:
        messages, seconds = [cap.messages for cap in caps], [cap.per.total_seconds() for cap in caps]
        cursor.execute(_REACHED, [messages, seconds, list(message_ids)])
        return {message_id: _words(caps[number - 1]) for message_id, number in cursor.fetchall()}


def _words(cap: PerCustomer) -> str:
    return f"over the limit of {cap.messages} message{'s' * (cap.messages > 1)} in {format_duration(cap.per)}"


_REACHED = """
SELECT DISTINCT ON (mine.id) mine.id, cap.number
FROM delivery_message mine, unnest(%s::int[], %s::float8[]) WITH ORDINALITY AS cap (messages, seconds, number)
WHERE mine.id = ANY(%s::bigint[]) AND cap.messages <= (
    SELECT count(*) FROM delivery_message other
    WHERE other.customer_id = mine.customer_id AND (
        other.state IN ('accepted', 'delivered', 'bounced', 'unknown')
            AND other.settled_at > clock_timestamp() - make_interval(secs => cap.seconds)
        OR other.state = 'queued' AND EXISTS (
            SELECT FROM delivery_batch batch
            WHERE batch.id = other.batch_id
              AND other.position >= batch.handed_from AND other.position < batch.handed_to
        )
    )
)
ORDER BY mine.id, cap.number
"""
