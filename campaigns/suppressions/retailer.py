"""The list of one retailer."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from campaigns import facts
from campaigns.models import Customer, Suppression
from campaigns.models.customers import Channel
from campaigns.suppressions.addresses import Addresses, by_channel, hashed, masked, normal
from campaigns.suppressions.telling import tell_facts
from tenants import audit


@transaction.atomic
def add(*, channel: str, address: str, reason: str, source: str) -> tuple[Suppression, bool]:
    """The suppression, and whether it is new: one that stands is left as it is. Raises Invalid."""
    address = normal(channel, address)
    found, is_new = put(channel=channel, address=address, reason=reason, source=source)
    if is_new:
        audit.note("add", "suppression", channel, after={"address": masked(address), "reason": reason})
    return found, is_new


@transaction.atomic
def remove(*, channel: str, address: str) -> bool:
    """False when the address was not on the list. Raises Invalid."""
    address = normal(channel, address)
    removed = take_off(channel=channel, address=address)
    if removed:
        audit.note("remove", "suppression", channel, after={"address": masked(address)})
    return removed


@transaction.atomic
def add_all(addresses: Addresses, *, reason: str, source: str) -> int:
    """How many are new; those that stand are left as they are."""
    facts.wait_for_turn()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO campaigns_suppression (channel, address, address_hash, reason, source)
            SELECT %s, address, hash, %s, %s FROM unnest(%s::bytea[], %s::text[]) given (hash, address)
            ON CONFLICT (channel, address_hash) DO NOTHING
            """,
            [addresses.channel, reason, source[:200], list(addresses.by_hash), list(addresses.by_hash.values())],
        )
        added = int(cursor.rowcount)
    if added:
        tell_facts(addresses)
        audit.note("add", "suppression", addresses.channel, after={"addresses": added, "reason": reason})
    return added


@transaction.atomic
def remove_all(addresses: Addresses) -> int:
    """How many were on the list."""
    facts.wait_for_turn()
    removed = _delete(addresses)
    if removed:
        tell_facts(addresses)
        audit.note("remove", "suppression", addresses.channel, after={"addresses": removed})
    return removed


@transaction.atomic
def put(*, channel: str, address: str, reason: str, source: str) -> tuple[Suppression, bool]:
    """`add` without its checks and its entry in the audit trail: for what customers do themselves."""
    facts.wait_for_turn()
    found, is_new = Suppression.objects.get_or_create(
        channel=channel,
        address_hash=hashed(address),
        defaults={"address": address, "reason": reason, "source": source[:200]},
    )
    if is_new:
        tell_facts(Addresses(channel, {hashed(address): address}))
    return found, is_new


@transaction.atomic
def take_off(*, channel: str, address: str, reason: str | None = None) -> bool:
    """Remove it (with `reason`: only one that stands for that reason). False when there was none."""
    facts.wait_for_turn()
    found = of(channel, address)
    removed, _ = (found.filter(reason=reason) if reason else found).delete()
    if removed:
        tell_facts(Addresses(channel, {hashed(address): address}))
    return bool(removed)


@transaction.atomic
def lift(chosen: Iterable[Suppression]) -> None:
    """Take these off the list, by a person's wish; each channel's in one statement."""
    facts.wait_for_turn()
    for addresses in by_channel((each.channel, bytes(each.address_hash), each.address) for each in chosen):
        _delete(addresses)
        tell_facts(addresses)
        known, number = addresses.known, len(addresses.by_hash)
        told = {"address": masked("".join(known))} if number == 1 else {"addresses": number}
        audit.note("remove", "suppression", addresses.channel, after=told)


def of(channel: str, address: str) -> QuerySet[Suppression]:
    return Suppression.objects.filter(channel=channel, address_hash=hashed(address))


def standing(customer: Customer) -> QuerySet[Suppression]:
    """What stands against a customer's addresses."""
    email = Q(channel=Channel.EMAIL, address_hash=hashed(customer.email))
    return Suppression.objects.filter(email | Q(channel=Channel.SMS, address_hash=hashed(customer.phone)))


def by_other_ways(customer: Customer) -> QuerySet[Suppression]:
    """What stands against single devices of theirs, and against their number as receivers of webhooks know it."""
    devices = Q(channel=Channel.PUSH, address_hash__in=customer.devices.values("address_hash"))
    number = Q(channel=Channel.WEBHOOK, address_hash=hashed(customer.external_id))
    return Suppression.objects.filter(devices | number)


def _delete(addresses: Addresses) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM campaigns_suppression WHERE channel = %s AND address_hash = ANY(%s)",
            [addresses.channel, list(addresses.by_hash)],
        )
        return int(cursor.rowcount)
