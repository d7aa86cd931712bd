"""The statements that append to the proof of consent. Nothing in it is ever changed but which entry is the latest.

Whoever calls them waits for the turn of customers before, and brings the facts along after.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

# Continues a WITH that has `said` (customer_id, channel, is_granted): a channel's consent as a whole, turned over now.
# The entry before is found by the index, whatever stale statistics say. It is retired first, since there is one latest;
# the new one is said after it, even where that is dated a little into the future.
APPEND = """
retired AS (
    UPDATE campaigns_consent k SET is_current = false
     WHERE k.id IN (SELECT (SELECT e.id FROM campaigns_consent e WHERE e.customer_id = s.customer_id
                               AND e.channel = s.channel AND e.topic = '' AND e.is_current) FROM said s)
    RETURNING k.customer_id, k.channel, k.said_at
), appended AS (
    INSERT INTO campaigns_consent (customer_id, channel, is_granted, said_at, source, by, recorded_at)
    SELECT s.customer_id, s.channel, s.is_granted, greatest(%(now)s, r.said_at + interval '1 microsecond'),
           %(source)s, %(by)s, %(now)s
      FROM said s LEFT JOIN retired r ON r.customer_id = s.customer_id AND r.channel = s.channel
     WHERE (SELECT count(*) FROM retired) >= 0
)"""

_SAME = "k.customer_id = s.customer_id AND k.channel = s.channel AND k.topic = s.topic"
_SAID_SO = f"{_SAME} AND k.is_granted = s.is_granted AND k.source = s.source AND k.text = s.text"

# Said again, it was said once: an entry with its instant is known by it, one without by being the latest.
_SAY = f"""
WITH given AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(said)s) AS g(n integer, external_id varchar, channel varchar, topic varchar,
        is_granted boolean, said_at timestamptz, source varchar, text text)
), s AS MATERIALIZED (
    SELECT DISTINCT ON (c.id, g.channel, g.topic, g.is_granted, coalesce(g.said_at, %(now)s), g.source, g.text)
           g.*, c.id AS customer_id
      FROM given g JOIN campaigns_customer c ON c.external_id = g.external_id
     ORDER BY c.id, g.channel, g.topic, g.is_granted, coalesce(g.said_at, %(now)s), g.source, g.text, g.n
), new AS MATERIALIZED (
    SELECT s.n, s.external_id, s.customer_id, s.channel, s.topic, s.is_granted, s.source, s.text,
           coalesce(s.said_at, %(now)s) AS said_at,
           row_number() OVER (PARTITION BY customer_id, channel, topic
                              ORDER BY coalesce(s.said_at, %(now)s) DESC, s.is_granted, s.n DESC) AS place
      FROM s
     WHERE NOT EXISTS (
        SELECT FROM campaigns_consent k
         WHERE {_SAID_SO} AND (k.said_at = s.said_at OR s.said_at IS NULL AND k.is_current))
), newest AS MATERIALIZED (
    SELECT s.* FROM new s LEFT JOIN campaigns_consent k ON {_SAME} AND k.is_current
     WHERE s.place = 1 AND (k.id IS NULL OR (s.said_at, NOT s.is_granted) > (k.said_at, NOT k.is_granted))
), retired AS (
    UPDATE campaigns_consent k SET is_current = false FROM newest s WHERE {_SAME} AND k.is_current RETURNING k.id
), appended AS (
    INSERT INTO campaigns_consent
        (customer_id, channel, topic, is_granted, said_at, source, text, by, recorded_at, is_current)
    SELECT s.customer_id, s.channel, s.topic, s.is_granted, s.said_at, s.source, s.text, %(by)s, %(now)s,
           EXISTS (SELECT FROM newest WHERE newest.n = s.n)
      FROM new s WHERE (SELECT count(*) FROM retired) >= 0 ORDER BY s.customer_id, s.n
), told AS (
    UPDATE campaigns_customer c
       SET consent_email = coalesce(w.email, c.consent_email), consent_sms = coalesce(w.sms, c.consent_sms),
           consent_push = coalesce(w.push, c.consent_push), updated_at = %(now)s
      FROM (
        SELECT customer_id, bool_or(is_granted) FILTER (WHERE channel = 'email') AS email,
               bool_or(is_granted) FILTER (WHERE channel = 'sms') AS sms,
               bool_or(is_granted) FILTER (WHERE channel = 'push') AS push
          FROM newest WHERE topic = '' GROUP BY customer_id
      ) w
     WHERE c.id = w.customer_id
)
SELECT DISTINCT external_id, customer_id FROM new
"""


def say(said: Sequence[Mapping[str, Any]], *, now: datetime, by: str) -> dict[str, int]:
    """Append what customers said; of each channel and topic the latest by `said_at` counts, of two at once the no.

    Each is `external_id`, `channel`, `topic`, `is_granted`, `said_at` (ISO 8601, None for now), `source` and `text`.
    The ids by external_id of those for whom there was something new.
    """
    rows = [{**each, "n": n} for n, each in enumerate(said)]
    with connection.cursor() as cursor:
        cursor.execute(_SAY, {"said": json.dumps(rows, ensure_ascii=False), "now": now, "by": by})
        return dict(cursor.fetchall())
