"""Addresses that people put on, and take off, the list of those who get nothing more.

Writes   Suppression (reasons given by a person or an integrator; delivery adds its own)
Promise  an address is on a channel's list once, written the way customers' addresses are
"""

from __future__ import annotations

from campaigns.config.gate import Invalid, Problem
from campaigns.ingest import fields
from campaigns.models import Suppression
from campaigns.models.customers import Channel


def add(*, channel: str, address: str, reason: str, source: str) -> tuple[Suppression, bool]:
    """The suppression, and whether it is new: one that stands is left as it is. Raises Invalid."""
    return Suppression.objects.get_or_create(
        channel=channel, address=normal(channel, address), defaults={"reason": reason, "source": source[:200]}
    )


def remove(*, channel: str, address: str) -> bool:
    """False when the address was not on the list. Raises Invalid."""
    removed, _ = Suppression.objects.filter(channel=channel, address=normal(channel, address)).delete()
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
