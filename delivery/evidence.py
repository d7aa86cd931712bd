"""A message's state by the signals that came back of it.

Reads    Signal
Writes   Message.state
Promise  the state is what the set of a message's signals says, in whatever order and however often they came: a hard
         bounce before everything, then that it arrived, then a soft bounce; an outcome nobody knew is known by them
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection


def fold(message_ids: Iterable[int]) -> int:
    """Bring messages in line with their signals. How many were not."""
    ids = sorted(set(message_ids))
    if not ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_FOLD, [ids])
        return int(cursor.rowcount)


# Locked in the order of their numbers, as everywhere.
_FOLD = """
WITH locked AS (
    SELECT id FROM delivery_message
    WHERE id = ANY(%s) AND state IN ('accepted', 'delivered', 'bounced', 'unknown') ORDER BY id FOR NO KEY UPDATE
), said AS (
    SELECT signal.message_id AS id,
        bool_or(signal.kind = 'bounce' AND signal.is_hard) AS hard,
        bool_or(signal.kind IN ('delivered', 'open', 'click', 'complaint', 'unsubscribe')) AS arrived,
        bool_or(signal.kind = 'bounce') AS bounced,
        (array_agg(signal.detail ORDER BY signal.is_hard DESC, signal.at DESC, signal.id DESC)
            FILTER (WHERE signal.kind = 'bounce'))[1] AS detail
    FROM locked JOIN delivery_signal signal ON signal.message_id = locked.id GROUP BY 1
), folded AS (
    SELECT id, CASE WHEN hard THEN 'bounced' WHEN arrived THEN 'delivered' ELSE 'bounced' END AS state, detail
    FROM said WHERE arrived OR bounced
)
UPDATE delivery_message message
SET state = folded.state, reason = CASE folded.state WHEN 'bounced' THEN coalesce(folded.detail, '') ELSE '' END
FROM folded
WHERE message.id = folded.id AND (message.state, message.reason) IS DISTINCT FROM
    (folded.state, CASE folded.state WHEN 'bounced' THEN coalesce(folded.detail, '') ELSE '' END)
"""
