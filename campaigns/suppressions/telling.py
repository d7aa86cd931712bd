"""Whoever has an address that was put on a list or taken off it: their facts say so, in the same transaction."""

from __future__ import annotations

from django.db import connection

from campaigns import facts
from campaigns.facts import truth
from campaigns.models.customers import Channel
from campaigns.suppressions.addresses import Addresses

_COLUMNS = {Channel.EMAIL: ("email", "suppressed_email"), Channel.SMS: ("phone", "suppressed_sms")}


def tell_facts(addresses: Addresses) -> None:
    """Known addresses are found by the index; of those known by their hash alone, every customer's is compared.

    Whoever changes a retailer's list waits for his turn before he does; the platform, whose change stands already,
    waits here, and finds the customers who came meanwhile.
    """
    facts.wait_for_turn()
    if addresses.channel not in _COLUMNS:
        return
    field, column = _COLUMNS[Channel(addresses.channel)]
    if addresses.known:
        _update(addresses.channel, field, column, f"c.{field} = ANY(%s)", addresses.known)
    if addresses.unknown:
        owned = f"c.{field} <> '' AND {truth.hash_of(f'c.{field}')} = ANY(%s)"
        _update(addresses.channel, field, column, owned, addresses.unknown)


def _update(channel: str, field: str, column: str, whose: str, values: list[str] | list[bytes]) -> None:
    """The rows of Facts are locked in the order of their ids, as everywhere."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH turn AS MATERIALIZED (
                SELECT f.customer_id, {truth.suppressed(channel, f"c.{field}")} AS is_suppressed
                  FROM campaigns_customer c JOIN campaigns_facts f ON f.customer_id = c.id
                 WHERE {whose} AND c.{field} <> ''
                 ORDER BY f.customer_id FOR NO KEY UPDATE OF f
            )
            UPDATE campaigns_facts f SET {column} = turn.is_suppressed
              FROM turn WHERE f.customer_id = turn.customer_id AND f.{column} <> turn.is_suppressed
            """,
            [values],
        )
