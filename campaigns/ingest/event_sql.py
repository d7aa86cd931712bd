"""The statement that writes events, and with them the facts that follow."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db import connection

from campaigns import facts
from campaigns.config.measured import ENGAGEMENTS, ORDER, RECENT_ORDERS
from campaigns.facts import truth
from campaigns.ingest import lines

_IS_ORDER = f"FILTER (WHERE name = '{ORDER}')"
_COUNTING = truth.listed([ORDER, *(name for names in ENGAGEMENTS.values() for name in names)])
_ENGAGED = ", ".join(f"engaged_{each}_at" for each in ENGAGEMENTS)
_PLACES = range(1, RECENT_ORDERS + 1)
_RECENT = ", ".join(f"order_{place}_at" for place in _PLACES)
_TEXTS = ("event_id", "external_id", "name", "occurred_at", "value", "currency")

# Customers are looked up each by the index and in its order: a join would read through them all. Events are sorted, so
# that two calls with the same ones wait for one another instead of locking each other out. So are the facts, and no
# fact is locked before the last event stands: what does not count here leaves them alone. They are all there, and what
# would be inserted is added instead: that too finds each by the index. OFFSET 0 keeps a lookup a lookup, and the latest
# orders from being sorted once for each column.
_ADD = f"""
WITH given AS MATERIALIZED (
    SELECT n, event_id, external_id, name, occurred_at::timestamptz AS occurred_at, value::numeric AS value,
           coalesce(currency, '') AS currency, coalesce(properties::jsonb, '{{}}') AS properties
      FROM {lines.apart((*_TEXTS, "properties"))}
     WHERE event_id IS NOT NULL
), known AS MATERIALIZED (
    SELECT g.*, c.id AS customer_id
      FROM (SELECT * FROM given ORDER BY external_id) g
           CROSS JOIN LATERAL (SELECT id FROM campaigns_customer k WHERE k.external_id = g.external_id OFFSET 0) c
), inserted AS (
    INSERT INTO campaigns_event (event_id, customer_id, name, occurred_at, value, currency, properties, category)
    SELECT event_id, customer_id, name, occurred_at, value, currency, properties,
           coalesce(left(properties ->> 'category', 100), '')
      FROM known ORDER BY event_id, n
    ON CONFLICT (event_id) DO NOTHING
    RETURNING event_id, customer_id, name, occurred_at, value
), news AS MATERIALIZED (
    SELECT customer_id, count(*) {_IS_ORDER} AS orders, sum(value * 10000) {_IS_ORDER} AS value,
           min(occurred_at) {_IS_ORDER} AS first,
           (array_agg(occurred_at ORDER BY occurred_at DESC) {_IS_ORDER})[1:{RECENT_ORDERS}] AS recent,
           {truth.REACTIONS}
      FROM inserted WHERE name IN ({_COUNTING}) GROUP BY customer_id
), kept AS (
    INSERT INTO campaigns_facts AS f
           (customer_id, seed, order_count, order_value, first_order_at, {_RECENT}, {_ENGAGED})
    SELECT n.customer_id, n.seed, n.orders, coalesce(n.value, 0)::bigint, n.first,
           {", ".join(f"n.recent[{place}]" for place in _PLACES)}, {", ".join(f"n.{each}" for each in ENGAGEMENTS)}
      FROM (
        SELECT news.*, (SELECT k.seed FROM campaigns_facts k WHERE k.customer_id = news.customer_id) AS seed
          FROM news ORDER BY customer_id OFFSET 0) n
     WHERE n.seed IS NOT NULL
    ON CONFLICT (customer_id) DO UPDATE SET order_count = f.order_count + excluded.order_count,
           order_value = f.order_value + excluded.order_value,
           first_order_at = least(f.first_order_at, excluded.first_order_at),
           {", ".join(f"{name} = greatest(f.{name}, excluded.{name})" for name in _ENGAGED.split(", "))},
           ({_RECENT}) = (
               SELECT {", ".join(f"latest.of[{place}]" for place in _PLACES)} FROM (
                   SELECT ARRAY(
                       SELECT at FROM unnest(ARRAY[{", ".join(f"excluded.order_{place}_at" for place in _PLACES)},
                                                   {", ".join(f"f.order_{place}_at" for place in _PLACES)}])
                           AS at WHERE at IS NOT NULL ORDER BY at DESC LIMIT {RECENT_ORDERS}) AS of OFFSET 0) latest)
)
SELECT ARRAY(SELECT event_id FROM inserted), ARRAY(SELECT n FROM given EXCEPT SELECT n FROM known)
"""


def add_events(columns: Mapping[str, str]) -> tuple[set[str], set[int]]:
    """Write events; the event_ids that are new, and the places among them, from 0, whose customer is unknown."""
    with connection.cursor() as cursor:
        cursor.execute(f"{facts.HOLD_OFF_ERASURE}; {_ADD}", columns)  # one transaction
        cursor.nextset()
        created, unknown = cursor.fetchone()
    return set(created), {place - 1 for place in unknown}


def columns(rows: Collection[Mapping[str, Any]]) -> dict[str, str]:
    """Events as `add_events` takes them."""
    return lines.texts(rows, _TEXTS) | lines.json(rows, ["properties"])
