"""Where a customer's notifications go.

Reads    Customer
Writes   Device
Promise  an address is one customer's alone: whoever registered it last
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from campaigns.config.gate import Invalid, Problem
from campaigns.models import Customer, Device
from campaigns.suppressions import hashed

MOST_BYTES = 4096
MOST = 20  # of one customer


@transaction.atomic
def register(customer: Customer, address: str, *, now: datetime) -> Device:
    """A device's FCM token or Web Push subscription, seen now. Raises Invalid."""
    address = address.strip()
    if not address or len(address.encode()) > MOST_BYTES or not address.isprintable():
        cure = f"write the device's FCM token or its Web Push subscription, of at most {MOST_BYTES} bytes"
        raise Invalid([Problem("address", cure, "invalid")])
    said = {"customer": customer, "address": address, "seen_at": now}
    device, is_new = Device.objects.update_or_create(address_hash=hashed(address), defaults=said)
    if is_new:  # of many, the oldest go
        kept = of(customer).values_list("pk", flat=True)[:MOST]
        Device.objects.filter(customer=customer).exclude(pk__in=list(kept)).delete()
    return device


@transaction.atomic
def forget(address: str, *, owner: Customer) -> bool:
    """Its owner turned notifications off. False where they have no such device."""
    removed, _ = Device.objects.filter(address_hash=hashed(address.strip()), customer=owner).delete()
    return bool(removed)


def forget_gone(addresses: Sequence[str]) -> None:
    """The provider says that these devices are gone: whoever has another is reached there."""
    Device.objects.filter(address_hash__in=[hashed(address.strip()) for address in addresses]).delete()


def of(customer: Customer) -> QuerySet[Device]:
    """The one seen last first."""
    return customer.devices.order_by("-seen_at", "-pk")


def words(customer: Customer) -> str:
    """Their devices for a person to read; empty where there is none. Nobody reads a token."""
    number = customer.devices.count()
    return f"{number} device{'' if number == 1 else 's'}" if number else ""
