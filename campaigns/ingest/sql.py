"""The statements of ingest. Rows travel as one JSON parameter: no temporary table, no round trip per row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from django.db import connection, transaction

from campaigns import facts
from campaigns.ingest import documents

Outcome = Literal["created", "updated", "overfull"]

_TEXTS = ("email", "phone", "first_name", "last_name", "city", "country", "timezone", "locale")
_CONSENTS = ("consent_email", "consent_sms", "consent_push")
_FIELDS = (*_TEXTS, *_CONSENTS, "attributes")

_MERGED = """
    (CASE WHEN g.wiped THEN '{}' ELSE c.attributes END || coalesce(g.attributes, '{}')) - coalesce(g.removed, '{}')"""
_NEW_VALUES = ", ".join([f"coalesce(g.{name}, c.{name})" for name in (*_TEXTS, *_CONSENTS)] + [_MERGED])
_DEFAULTS = ", ".join(
    [f"coalesce(g.{name}, '')" for name in _TEXTS]
    + [f"coalesce(g.{name}, false)" for name in _CONSENTS]
    + ["coalesce(g.attributes, '{}')"]
)

# The last look-up is a scalar one because that always goes by the index, whatever stale statistics say.
# Attributes can only outgrow their bounds where something is added, hence the cheap containment test first.
_UPSERT = f"""
WITH given AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(rows)s) AS g(
        external_id varchar, {", ".join(f"{name} varchar" for name in _TEXTS)},
        {", ".join(f"{name} boolean" for name in _CONSENTS)}, attributes jsonb, removed text[], wiped boolean)
), existing AS MATERIALIZED (
    SELECT c.id AS customer_id, g.*,
           NOT c.attributes @> g.attributes
           AND (SELECT count(*) > {documents.MOST_KEYS} OR octet_length(({_MERGED})::text) > {documents.MOST_BYTES}
                  FROM jsonb_object_keys({_MERGED})) AS is_overfull
      FROM given g JOIN campaigns_customer c ON c.external_id = g.external_id
), updated AS (
    UPDATE campaigns_customer c SET ({", ".join(_FIELDS)}, updated_at) = ROW({_NEW_VALUES}, %(now)s)
      FROM existing g
     WHERE c.id = g.customer_id AND g.is_overfull IS NOT TRUE
       AND ({", ".join(f"c.{name}" for name in _FIELDS)}) IS DISTINCT FROM ({_NEW_VALUES})
    RETURNING c.external_id
), inserted AS (
    INSERT INTO campaigns_customer (external_id, {", ".join(_FIELDS)}, created_at, updated_at)
    SELECT g.external_id, {_DEFAULTS}, %(now)s, %(now)s
      FROM given g
     WHERE (SELECT c.id FROM campaigns_customer c WHERE c.external_id = g.external_id) IS NULL
    ON CONFLICT (external_id) DO NOTHING
    RETURNING external_id
)
SELECT external_id, 'created' FROM inserted
UNION ALL SELECT external_id, 'updated' FROM updated
UNION ALL SELECT external_id, 'overfull' FROM existing WHERE is_overfull
"""

# Sorted, so that two calls with the same events wait for one another instead of locking each other out.
_ADD = """
WITH given AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(rows)s) AS g(
        n integer, event_id varchar, external_id varchar, name varchar, occurred_at timestamptz,
        value numeric, currency varchar, properties jsonb)
), known AS MATERIALIZED (
    SELECT g.*, c.id AS customer_id
      FROM given g JOIN campaigns_customer c ON c.external_id = g.external_id
       FOR KEY SHARE OF c
), inserted AS (
    INSERT INTO campaigns_event (event_id, customer_id, name, occurred_at, value, currency, properties, category)
    SELECT event_id, customer_id, name, occurred_at, value, coalesce(currency, ''), coalesce(properties, '{}'),
           coalesce(left(properties ->> 'category', 100), '')
      FROM known ORDER BY event_id, n
    ON CONFLICT (event_id) DO NOTHING
    RETURNING event_id
)
SELECT ARRAY(SELECT event_id FROM inserted), ARRAY(SELECT n FROM given EXCEPT SELECT n FROM known)
"""


@transaction.atomic
def upsert_customers(rows: Sequence[dict[str, Any]], *, now: datetime) -> list[tuple[str, Outcome]]:
    """Write distinct customers; (external_id, created | updated | overfull) of all but the unchanged."""
    with connection.cursor() as cursor:
        # One writer per retailer at a time: two files with the same customers neither deadlock nor race to insert.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('customers'), hashtext(current_schema()))")
        cursor.execute(_UPSERT, {"rows": documents.encode(rows), "now": now})
        written = cursor.fetchall()
        changed = [external_id for external_id, outcome in written if outcome != "overfull"]
        cursor.execute("SELECT id FROM campaigns_customer WHERE external_id = ANY(%s)", [changed])
        facts.recompute([row[0] for row in cursor.fetchall()])
        return written


@transaction.atomic
def add_events(rows: Sequence[dict[str, Any]]) -> tuple[set[str], set[int]]:
    """Write events numbered `n`; the event_ids that are new, and the numbers whose customer is unknown."""
    with connection.cursor() as cursor:
        cursor.execute(_ADD, {"rows": documents.encode(rows)})
        created, unknown = cursor.fetchone()
        cursor.execute("SELECT DISTINCT customer_id FROM campaigns_event WHERE event_id = ANY(%s)", [created])
        facts.recompute([row[0] for row in cursor.fetchall()])
        return set(created), set(unknown)


def analyze() -> None:
    """Tell the planner about rows just written, before the background does: a campaign may start on them at once."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE campaigns_customer, campaigns_facts, campaigns_event")
