"""Whoever has an address that was put on a list or taken off it: their facts say so, in the same transaction."""

from __future__ import annotations

from django.db import connection

from campaigns.facts import truth
from campaigns.models.customers import Channel
from campaigns.suppressions.addresses import Addresses

_COLUMNS = {Channel.EMAIL: ("email", "suppressed_email"), Channel.SMS: ("phone", "suppressed_sms")}


def tell_facts(addresses: Addresses) -> None:
    """Known addresses are found by the index; of those known by their hash alone, every customer's is compared."""
    if addresses.channel not in _COLUMNS:
        return
    field, column = _COLUMNS[Channel(addresses.channel)]
    if addresses.known:
        _update(addresses.channel, field, column, f"c.{field} = ANY(%s)", addresses.known)
    if addresses.unknown:
        owned = f"c.{field} <> '' AND {truth.hash_of(f'c.{field}')} = ANY(%s)"
        _update(addresses.channel, field, column, owned, addresses.unknown)


def _update(channel: str, field: str, column: str, whose: str, values: list[str] | list[bytes]) -> None:
    true = truth.suppressed(channel, f"c.{field}")
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE campaigns_facts f SET {column} = {true}
            FROM campaigns_customer c WHERE {whose} AND f.customer_id = c.id AND f.{column} <> {true}
            """,
            [values],
        )
