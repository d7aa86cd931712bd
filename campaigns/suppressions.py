"""Addresses that get nothing more on a channel: put on the list, and taken off it.

Writes   Suppression, Facts (whether an address is suppressed)
Promise  an address is on a channel's list once, found by its hash, which outlives the address itself
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from campaigns.config.gate import Invalid, Problem
from campaigns.facts import truth
from campaigns.ingest import fields
from campaigns.models import Customer, Suppression
from campaigns.models.customers import Channel
from tenants import audit

_ADDRESSES = {Channel.EMAIL: ("email", "suppressed_email"), Channel.SMS: ("phone", "suppressed_sms")}


def hashed(address: str) -> bytes:
    """SHA-256 of an address as customers' are stored; `truth.hash_of` is the same in SQL."""
    return hashlib.sha256(address.encode()).digest()


@transaction.atomic
def add(*, channel: str, address: str, reason: str, source: str) -> tuple[Suppression, bool]:
    """The suppression, and whether it is new: one that stands is left as it is. Raises Invalid."""
    address = normal(channel, address)
    found, is_new = put(channel=channel, address=address, reason=reason, source=source)
    if is_new:
        audit.note("add", "suppression", channel, after={"address": _masked(address), "reason": reason})
    return found, is_new


@transaction.atomic
def remove(*, channel: str, address: str) -> bool:
    """False when the address was not on the list. Raises Invalid."""
    address = normal(channel, address)
    removed = take_off(channel=channel, address=address)
    if removed:
        audit.note("remove", "suppression", channel, after={"address": _masked(address)})
    return removed


@transaction.atomic
def put(*, channel: str, address: str, reason: str, source: str) -> tuple[Suppression, bool]:
    """`add` without its checks and its entry in the audit trail: for what customers do themselves."""
    found, is_new = Suppression.objects.get_or_create(
        channel=channel,
        address_hash=hashed(address),
        defaults={"address": address, "reason": reason, "source": source[:200]},
    )
    if is_new:
        _tell_facts(channel, address)
    return found, is_new


@transaction.atomic
def take_off(*, channel: str, address: str, reason: str | None = None) -> bool:
    """Remove it (with `reason`: only one that stands for that reason). False when there was none."""
    found = of(channel, address)
    removed, _ = (found.filter(reason=reason) if reason else found).delete()
    if removed:
        _tell_facts(channel, address)
    return bool(removed)


@transaction.atomic
def lift(chosen: Iterable[Suppression]) -> None:
    """Take these off the list, by a person's wish."""
    for each in list(chosen):
        Suppression.objects.filter(pk=each.pk).delete()
        if each.address:
            _tell_facts(each.channel, each.address)
        audit.note("remove", "suppression", each.channel, after={"address": _masked(each.address)})


def of(channel: str, address: str) -> QuerySet[Suppression]:
    return Suppression.objects.filter(channel=channel, address_hash=hashed(address))


def standing(customer: Customer) -> QuerySet[Suppression]:
    """What stands against a customer's addresses."""
    email = Q(channel=Channel.EMAIL, address_hash=hashed(customer.email))
    return Suppression.objects.filter(email | Q(channel=Channel.SMS, address_hash=hashed(customer.phone)))


def normal(channel: str, address: str) -> str:
    """The address as customers' are stored: lower case, or E.164. Raises Invalid."""
    try:
        if channel == Channel.EMAIL:
            found = fields.email(address)
        elif channel == Channel.SMS:
            found = fields.phone(address, country="")
        else:
            found = fields.needed(254, cure="it says who gets nothing more")(address)
    except fields.Invalid as invalid:
        raise Invalid([Problem("address", str(invalid), "invalid")]) from None
    return str(found)


def _tell_facts(channel: str, address: str) -> None:
    """Whoever has the address, in the same transaction."""
    if channel not in _ADDRESSES:
        return
    field, column = _ADDRESSES[Channel(channel)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE campaigns_facts f SET {column} = {truth.suppressed(channel, f"c.{field}")}
            FROM campaigns_customer c WHERE c.{field} = %s AND f.customer_id = c.id
            """,
            [address],
        )


def _masked(address: str) -> str:
    """Enough to recognise it by: the audit trail outlives the customer, and must not hold the address itself."""
    name, at, domain = address.rpartition("@")
    return f"{name[:1]}…@{domain}" if at else f"{address[:3]}…{address[-2:]}"
