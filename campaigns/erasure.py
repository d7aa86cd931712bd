"""Forgetting a person on request: stage 1 and 2's part of it. `delivery.person` does the whole.

Reads    Customer, Consent
Writes   Customer, CustomerPast, Facts, Event, Arrival, Consent, Device (deletes), Suppression (its address goes, its
         hash stays), and what doors remember: answers to calls of the API, the console's log
Promise  what names the person is gone; whoever was suppressed, or had taken consent back, stays suppressed by hash,
         also when a later import brings the same address with consent
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.admin.models import LogEntry
from django.db import connection, transaction
from django.utils import timezone

from campaigns import consents, facts, suppressions
from campaigns.facts import slots
from campaigns.models import Customer, Suppression
from campaigns.models.customers import Channel
from tenants import audit, idempotency

WITHDRAWN = "consent withdrawn before the customer was erased"
_ADDRESSES = {Channel.EMAIL: "email", Channel.SMS: "phone"}
_SHOWN = 150  # characters: of a long address, the console's log has the beginning
LONGEST_CALL = timedelta(minutes=10)  # what was begun before then is there to be found
# In the order in which rows point at one another.
_ROWS = ("campaigns_customerpast", "campaigns_arrival", "campaigns_event", "campaigns_consent", "campaigns_facts")


@dataclass(frozen=True)
class Erased:
    """How many rows went, and how many suppressions are kept by their hash alone."""

    events: int = 0
    consents: int = 0
    suppressions: int = 0

    def as_dict(self) -> dict[str, int]:
        return {"events": self.events, "consents": self.consents, "suppressions_kept": self.suppressions}


@dataclass(frozen=True)
class Traces:
    """What doors remember of somebody: stored answers, and entries of the console's log."""

    answers: list[int]
    entries: list[int]


def erase(customer: Customer) -> Erased:
    """Events that arrive meanwhile wait, and then find nobody. Done twice, it is done once.

    The long look at what doors remember comes before anybody has to wait; what they learned since is looked at again.
    """
    since = timezone.now() - LONGEST_CALL
    known = _names(customer), tokens(customer)
    traces = _traces(customer, known[1])
    with transaction.atomic():
        facts.wait_for_turn()
        facts.wait_to_erase()
        locked = Customer.objects.select_for_update().filter(pk=customer.pk).first()
        if locked is None:
            return Erased()
        latest = tokens(locked)
        is_as_before = (_names(locked), latest) == known
        erased = _erase(locked)
        _forget(traces)
        _forget(_traces(locked, latest, since=since if is_as_before else None))
        audit.note("erase", "customer", suppressions.hashed(locked.external_id).hex()[:12], after=erased.as_dict())
    return erased


def _erase(customer: Customer) -> Erased:
    kept = sum(_keep_out(customer, channel, field) for channel, field in _ADDRESSES.items())
    kept += _forget_other_addresses(customer)
    deleted = {table: _delete(table, customer) for table in _ROWS}
    Customer.objects.filter(pk=customer.pk).delete()
    facts.follow([], slots.assigned(), left_email=[customer.email], left_phone=[customer.phone])
    own = {"content_type__app_label": "campaigns", "content_type__model": "customer", "object_id": str(customer.pk)}
    LogEntry.objects.filter(**own).delete()
    return Erased(deleted["campaigns_event"], deleted["campaigns_consent"], kept)


def _forget_other_addresses(customer: Customer) -> int:
    """What stands against their devices, or their number as a webhook's receiver knows it, stays by hash alone."""
    return suppressions.by_other_ways(customer).update(address="")


def _keep_out(customer: Customer, channel: Channel, field: str) -> int:
    """What stands against the address stays, without it; consent taken back becomes such a suppression."""
    address = getattr(customer, field)
    if not address:
        return 0
    if _withdrew(customer, channel) and not _others_agreed(customer, channel, field):
        suppressions.put(channel=channel, address=address, reason=Suppression.Reason.UNSUBSCRIBED, source=WITHDRAWN)
    return suppressions.of(channel, address).update(address="")


def _withdrew(customer: Customer, channel: Channel) -> bool:
    """No after a yes: the proof tells it from somebody who was never asked."""
    said = customer.consents.filter(channel=channel, topic=consents.WHOLE_CHANNEL)
    last = said.filter(is_current=True, is_granted=False).first()
    return last is not None and said.filter(is_granted=True, said_at__lte=last.said_at).exists()


def _others_agreed(customer: Customer, channel: Channel, field: str) -> bool:
    """In a household, one address is several people's: another's yes stands."""
    same = Customer.objects.filter(**{field: getattr(customer, field), f"consent_{channel}": True})
    return same.exclude(pk=customer.pk).exists()


def _delete(table: str, customer: Customer) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table} WHERE customer_id = %s", [customer.pk])
        return int(cursor.rowcount)


def _names(customer: Customer) -> tuple[str, str, str]:
    return customer.external_id, customer.email, customer.phone


def tokens(customer: Customer) -> list[str]:
    """Where their notifications go: it names the person as an address does."""
    return list(customer.devices.order_by("pk").values_list("address", flat=True))


def _traces(customer: Customer, devices: list[str], *, since: datetime | None = None) -> Traces:
    number, *addresses = _names(customer)
    patterns = [suppressions.whole(address) for address in addresses if address]
    entries = LogEntry.objects.filter(action_time__gte=since) if since else LogEntry.objects.all()
    in_entries = [*patterns, *(re.escape(token[:_SHOWN]) for token in devices)]
    named = list(
        entries.filter(object_repr__iregex="|".join(in_entries)).values_list("pk", flat=True) if in_entries else ()
    )
    return Traces(idempotency.naming(identities=[number, *devices], patterns=patterns, since=since), named)


def _forget(traces: Traces) -> None:
    idempotency.forget(traces.answers)
    LogEntry.objects.filter(pk__in=traces.entries).update(object_repr="an erased address")
