"""The list that holds for every retailer: what is put on it or taken off is told to each, one by one.

Messages are held against the list itself at every hand-over; the facts of a retailer that could not be told are put
right by its next proof, or by doing the same once more.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.db import DatabaseError, connection, transaction
from django.db.models import Q, QuerySet

from campaigns.config.gate import Invalid, Problem
from campaigns.models import Customer
from campaigns.models.customers import Channel
from campaigns.suppressions.addresses import Addresses, hashed
from campaigns.suppressions.telling import tell_facts
from tenants import context, suppressions
from tenants.models import PlatformSuppression, Retailer

CHANNELS = (Channel.EMAIL, Channel.SMS, Channel.PUSH)
PATIENCE = "5s"  # with whoever holds a retailer's facts
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Told:
    """How many addresses the list gained or lost, and the retailers whose facts do not say so yet."""

    changed: int
    failed: tuple[str, ...]


def add(addresses: Addresses, *, reason: str, source: str) -> Told:
    """Belongs outside of a transaction, so that no retailer waits for another. Raises Invalid."""
    return Told(put(addresses, reason=reason, source=source), tell(addresses))


def remove(addresses: Addresses) -> Told:
    """Belongs outside of a transaction, as `add` does."""
    return Told(take_off(addresses), tell(addresses))


def bars(channel: str, address: str) -> bool:
    """Whether the list keeps an address from getting anything."""
    held = PlatformSuppression.objects.filter(channel=channel, address_hash=hashed(address))
    return bool(address) and held.exists()


def put(addresses: Addresses, *, reason: str, source: str) -> int:
    """How many the list gained; nobody is told. Raises Invalid for a channel or reason that the list does not have."""
    _check(addresses.channel, reason)
    return suppressions.put(addresses.channel, addresses.by_hash.keys(), reason=reason, source=source)


def take_off(addresses: Addresses) -> int:
    """How many the list lost; nobody is told."""
    _check(addresses.channel)
    return suppressions.take_off(addresses.channel, addresses.by_hash.keys())


def tell(addresses: Addresses) -> tuple[str, ...]:
    """The slugs of those who could not be told: the others are, whatever is the matter with one."""
    told = Retailer.objects.exclude(status=Retailer.Status.PROVISIONING).order_by("pk")
    return tuple(each.slug for each in told if addresses.by_hash and not _tell(each, addresses))


def standing(customer: Customer) -> QuerySet[PlatformSuppression]:
    """What stands against a customer's addresses."""
    email = Q(channel=Channel.EMAIL, address_hash=hashed(customer.email))
    return PlatformSuppression.objects.filter(email | Q(channel=Channel.SMS, address_hash=hashed(customer.phone)))


def _check(channel: str, reason: str = PlatformSuppression.Reason.LEGAL) -> None:
    problems = []
    if channel not in CHANNELS:
        problems.append(Problem("channel", f"{channel!r} is not one of {', '.join(CHANNELS)}", "invalid_choice"))
    if reason not in PlatformSuppression.Reason.values:
        known = ", ".join(PlatformSuppression.Reason.values)
        problems.append(Problem("reason", f"{reason!r} holds for no whole platform: use {known}", "invalid_choice"))
    if problems:
        raise Invalid(problems)


def _tell(retailer: Retailer, addresses: Addresses) -> bool:
    try:
        with context.in_retailer(retailer), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE])
            tell_facts(addresses)
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', '0', true)")
    except DatabaseError:
        logger.exception("The facts of %s do not know yet of the platform's suppressions.", retailer.slug)
        return False
    return True
