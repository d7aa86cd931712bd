"""Addresses that people put on, and take off, the list of those who get nothing more.

Writes   Suppression (reasons given by a person or an integrator; delivery adds its own)
Promise  an address is on a channel's list once, written the way customers' addresses are
"""

from __future__ import annotations

from django.db import transaction

from campaigns.config.gate import Invalid, Problem
from campaigns.ingest import fields
from campaigns.models import Suppression
from campaigns.models.customers import Channel
from tenants import audit


@transaction.atomic
def add(*, channel: str, address: str, reason: str, source: str) -> tuple[Suppression, bool]:
    """The suppression, and whether it is new: one that stands is left as it is. Raises Invalid."""
    address = normal(channel, address)
    found, is_new = Suppression.objects.get_or_create(
        channel=channel, address=address, defaults={"reason": reason, "source": source[:200]}
    )
    if is_new:
        audit.note("add", "suppression", channel, after={"address": _masked(address), "reason": reason})
    return found, is_new


@transaction.atomic
def remove(*, channel: str, address: str) -> bool:
    """False when the address was not on the list. Raises Invalid."""
    address = normal(channel, address)
    removed, _ = Suppression.objects.filter(channel=channel, address=address).delete()
    if removed:
        audit.note("remove", "suppression", channel, after={"address": _masked(address)})
    return bool(removed)


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


def _masked(address: str) -> str:
    """Enough to recognise it by: the audit trail outlives the customer, and must not hold the address itself."""
    name, at, domain = address.rpartition("@")
    return f"{name[:1]}…@{domain}" if at else f"{address[:3]}…{address[-2:]}"
