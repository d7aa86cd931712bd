"""What was known of a customer at an instant, for whoever shows a message again as it was sent.

Reads    Customer, CustomerPast
Writes   CustomerPast: old rows go
Promise  what is told is what was known then; where that cannot be told, it is said since when something else is known
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from campaigns.models import Customer, CustomerPast

KEPT_DAYS = 120  # as long as what products were like (campaigns.recommendations)
_KEEPING_SINCE = "SELECT max(applied) FROM django_migrations WHERE app = 'campaigns' AND name = '0006_past'"


@dataclass(frozen=True)
class Known:
    """The customer as known then. `changed_at` is of a change since, `doubtful_at` of one that may have come before."""

    customer: Customer
    changed_at: datetime | None = None
    doubtful_at: datetime | None = None


def known(customer: Customer, begun: datetime, at: datetime) -> Known:
    """As of some instant between the two: a change between them is doubtful, and is taken to have come after."""
    first = CustomerPast.objects.filter(customer_id=customer.pk, until__gt=begun).order_by("until", "pk").first()
    then = _with(customer, first) if first else customer
    if begun < _kept_from():
        is_newer = customer.updated_at > max(begun, customer.created_at)
        return Known(then, doubtful_at=customer.updated_at if is_newer else None)
    if first is None:
        return Known(then)
    return Known(then, doubtful_at=first.until) if first.until <= at else Known(then, changed_at=first.until)


def forget_old(*, now: datetime) -> int:
    """How many rows those were."""
    return CustomerPast.objects.filter(until__lt=now - timedelta(days=KEPT_DAYS)).delete()[0]


def _with(customer: Customer, past: CustomerPast) -> Customer:
    then = copy(customer)
    for name, value in past.known.items():
        setattr(then, name, value)
    return then


def _kept_from() -> datetime:
    """Of what changed before, nothing is known: it was forgotten, or was never kept."""
    with connection.cursor() as cursor:
        cursor.execute(_KEEPING_SINCE)
        [since] = cursor.fetchone()
    oldest = timezone.now() - timedelta(days=KEPT_DAYS)
    return max(since, oldest) if since else oldest
