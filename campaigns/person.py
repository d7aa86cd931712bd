"""Everything that stages 1 and 2 know of one person, section by section.

Reads    Customer, CustomerPast, Facts, Consent, Suppression, PlatformSuppression, Device, Event, Member
Promise  a person with a hundred thousand events is told in little memory: long sections are iterators
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.db import connection

from campaigns import consents, suppressions
from campaigns.models import Customer, CustomerPast, Facts, Member

Section = tuple[str, Any]
AT_ONCE = 2000  # rows in memory
_PROFILE = (
    "external_id", "email", "phone", "first_name", "last_name", "city", "country", "timezone", "locale",
    "consent_email", "consent_sms", "consent_push", "created_at", "updated_at",
)  # fmt: skip
_PROOF = ("channel", "topic", "is_granted", "said_at", "source", "text", "by", "recorded_at", "is_current")
_EVENT = ("event_id", "name", "occurred_at", "value", "currency", "properties")
_DERIVED = (
    "order_count", "order_value", "first_order_at", "order_1_at", "engaged_email_at", "engaged_sms_at",
    "engaged_push_at",
)  # fmt: skip
# Members are found run by run: there is no index of a customer's, and there are few runs beside their members.
_MEMBERSHIPS = """
SELECT campaign.key, run.id, run.occurrence, run.as_of, member.is_included, member.reason
FROM campaigns_run run
JOIN campaigns_campaign campaign ON campaign.id = run.campaign_id
CROSS JOIN LATERAL (
    SELECT is_included, reason FROM campaigns_member m WHERE m.run_id = run.id AND m.customer_id = %s LIMIT 1
) member
ORDER BY run.id
"""


def sections(customer: Customer) -> Iterator[Section]:
    """Name and content: plain values, or an iterator of rows of them. Read them where the retailer is entered."""
    yield "profile", {name: getattr(customer, name) for name in _PROFILE}
    yield "attributes", customer.attributes
    yield "past", list(CustomerPast.objects.filter(customer=customer).order_by("until", "pk").values("until", "known"))
    yield "derived", _derived(customer)
    yield "consents", list(consents.history(customer).values(*_PROOF))
    yield "suppressions", _suppressions(customer)
    yield "devices", list(customer.devices.order_by("pk").values("address", "seen_at"))
    yield "memberships", _memberships(customer)
    events = customer.events.order_by("occurred_at", "pk").values(*_EVENT)
    yield "events", events.iterator(chunk_size=AT_ONCE)


def _derived(customer: Customer) -> dict[str, Any]:
    """What is worked out from the events, in words of their own."""
    found = Facts.objects.filter(pk=customer.pk).values(*_DERIVED).first() or {}
    if found:
        found["order_value"] = Decimal(found["order_value"]) / 10_000
        found["last_order_at"] = found.pop("order_1_at")
    return dict(found)


def _suppressions(customer: Customer) -> list[dict[str, Any]]:
    fields = ("channel", "reason", "source", "created_at")
    listed = (suppressions.standing(customer), suppressions.by_other_ways(customer))
    own = [{"of": "retailer", **row} for found in listed for row in found.values(*fields)]
    return own + [{"of": "platform", **row} for row in suppressions.platform.standing(customer).values(*fields)]


def _memberships(customer: Customer) -> list[dict[str, Any]]:
    names = ("campaign", "run", "occurrence", "as_of", "is_included", "reason")
    with connection.cursor() as cursor:
        cursor.execute(_MEMBERSHIPS, [customer.pk])
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [row | {"in_words": Member.Reason(row["reason"]).label if row["reason"] else ""} for row in found]
