"""Every fact once more from the rows it is made of: the definition, which what ingest keeps is held against."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import connection

from campaigns.config.measured import ENGAGEMENTS, ORDER, RECENT_ORDERS
from campaigns.facts import slots

COLUMNS = (
    "seed", "order_value", "first_order_at", *(f"order_{n}_at" for n in range(1, RECENT_ORDERS + 1)),
    *(f"engaged_{channel}_at" for channel in ENGAGEMENTS), "order_count",
    "consent_email", "consent_sms", "consent_push", "has_email", "has_phone", "suppressed_email", "suppressed_sms",
    "shares_email", "shares_phone", "city", "country",
)  # fmt: skip


def recompute(customer_ids: Sequence[int] | None = None) -> int:
    """Make the facts of these customers (None: of all) what the rows say; how many were not so before.

    While events come in, their rows of Facts must be locked before: see `campaigns.facts.proof`.
    """
    given = slots.assigned()
    columns = [*COLUMNS, *(slot.column for slot in given)]
    names, new = ", ".join(columns), ", ".join(f"excluded.{name}" for name in columns)
    statement = f"""
        INSERT INTO campaigns_facts AS f (customer_id, {names})
        {select(given, EVERYBODY if customer_ids is None else THESE)}
        ON CONFLICT (customer_id) DO UPDATE SET ({names}) = ROW({new})
        WHERE ({", ".join(f"f.{name}" for name in columns)}) IS DISTINCT FROM ({new})
    """
    ids = None if customer_ids is None else list(customer_ids)
    with connection.cursor() as cursor:
        cursor.execute(statement, {"ids": ids, **slots.params(given)})
        return int(cursor.rowcount)


def select(given: Sequence[slots.Slot], among: str) -> str:
    """A query of customer_id and the true value of every column in order, in the order of the ids.

    `among` is one of EVERYBODY, THESE (parameter `ids`) and RANGE (`low`, `high`); the slots have parameters too.
    """
    recent = ", ".join(f"orders.recent[{n}]" for n in range(1, RECENT_ORDERS + 1))
    engaged = ", ".join(f"engaged.{channel}" for channel in ENGAGEMENTS)
    slotted = "".join(f", {slots.value(slot, 'c.attributes')}" for slot in given)
    return f"""
        SELECT c.id, {SEED}, coalesce(orders.value, 0), orders.first, {recent}, {engaged}, coalesce(orders.n, 0),
            c.consent_email, c.consent_sms, c.consent_push, c.email <> '', c.phone <> '',
            {suppressed("email", "c.email")}, {suppressed("sms", "c.phone")},
            {shared("email")}, {shared("phone")}, nullif(c.city, ''), nullif(c.country, ''){slotted}
        FROM campaigns_customer c
        LEFT JOIN (
            SELECT customer_id, count(*) AS n, sum(value * 10000)::bigint AS value, min(occurred_at) AS first,
                (array_agg(occurred_at ORDER BY occurred_at DESC))[1:{RECENT_ORDERS}] AS recent
            FROM campaigns_event WHERE name = '{ORDER}' AND {among.format("customer_id")} GROUP BY customer_id
        ) orders ON orders.customer_id = c.id
        LEFT JOIN (
            SELECT customer_id, {REACTIONS}
            FROM campaigns_event
            WHERE name IN ({listed(name for names in ENGAGEMENTS.values() for name in names)})
              AND {among.format("customer_id")}
            GROUP BY customer_id
        ) engaged ON engaged.customer_id = c.id
        WHERE {among.format("c.id")}
        ORDER BY c.id
    """


def suppressed(channel: str, address: str) -> str:
    """Whether the retailer or the platform suppresses an address, as SQL."""
    found = " OR ".join(f"EXISTS (SELECT FROM {table} s WHERE {_on_it(channel, address)})" for table in _SUPPRESSIONS)
    return f"({address} <> '' AND ({found}))"


def suppressed_by_index(channel: str, address: str) -> str:
    """The same of some thousand addresses: of so many Postgres would read the lists whole, however long they are.

    It asks once whether there is anything on a list, and nothing more of one that is empty.
    """
    found = " OR ".join(
        f"EXISTS (SELECT FROM {table} s WHERE s.channel = '{channel}')"
        f" AND (SELECT true FROM {table} s WHERE {_on_it(channel, address)} LIMIT 1) IS NOT NULL"
        for table in _SUPPRESSIONS
    )
    return f"({address} <> '' AND ({found}))"


def _on_it(channel: str, address: str) -> str:
    return f"s.channel = '{channel}' AND s.address_hash = {hash_of(address)}"


def hash_of(address: str) -> str:
    """The SHA-256 that campaigns.suppressions.hashed computes, as SQL."""
    return f"sha256(convert_to({address}, 'UTF8'))"


def shared(field: str) -> str:
    """Whether another customer has the same address, as SQL; the second `<> ''` lets the partial index serve."""
    return (
        f"(c.{field} <> '' AND EXISTS (SELECT FROM campaigns_customer other"
        f" WHERE other.{field} = c.{field} AND other.{field} <> '' AND other.id <> c.id))"
    )


def listed(names: Iterable[str]) -> str:
    """Our own words, never a user's, as SQL."""
    return ", ".join(f"'{name}'" for name in names)


SEED = "('x' || left(md5(c.external_id), 15))::bit(60)::bigint"
_SUPPRESSIONS = ("campaigns_suppression", "public.tenants_platformsuppression")
EVERYBODY, THESE, RANGE = "TRUE", "{} = ANY(%(ids)s)", "{} BETWEEN %(low)s AND %(high)s"
REACTIONS = ", ".join(
    f"max(occurred_at) FILTER (WHERE name IN ({listed(names)})) AS {channel}" for channel, names in ENGAGEMENTS.items()
)
