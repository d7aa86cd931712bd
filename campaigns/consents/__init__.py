"""What customers agreed to, with the proof: each statement appended, and folded into what holds now.

Reads    Consent
Writes   Consent, and consent_* of Customer and Facts
Promise  the latest statement of a customer on a channel and topic holds; one that arrives late is kept as proof and
         changes nothing. Of two of the same moment the no holds, so the order of arrival decides nothing
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from campaigns import facts
from campaigns.compiler import NOBODY, Sql
from campaigns.consents import folding
from campaigns.facts import slots
from campaigns.models import Consent, Customer
from campaigns.models.customers import Channel
from tenants import prepared

CHANNELS = (Channel.EMAIL, Channel.SMS, Channel.PUSH)
TRACKING = "tracking"  # the topic of whether opens and clicks may be counted: withdrawn, they are not
WHOLE_CHANNEL = ""  # the topic of a statement about every message of a channel
Identity = tuple[str, str, bool, datetime, str, str]


@dataclass(frozen=True)
class Statement:
    """A yes or no. `source` is where it was given (a page, a till), `text` what the person was shown."""

    channel: str
    topic: str
    granted: bool
    said_at: datetime
    source: str = ""
    text: str = ""


@transaction.atomic
def say(customer: Customer, statements: Sequence[Statement], *, by: str) -> list[Consent]:
    """Record what a customer said; the proof of each statement, in order. One that is known already is not repeated."""
    facts.wait_for_turn()
    Customer.objects.select_for_update(no_key=True).get(pk=customer.pk)
    if folding.say([_row(customer, each) for each in statements], now=timezone.now(), by=by[:200]):
        facts.follow([customer.pk], slots.assigned())
        customer.refresh_from_db(fields=[f"consent_{channel}" for channel in CHANNELS])
    kept = {_identity(each): each for each in customer.consents.all()}
    return [kept[_said(each)] for each in statements]


@transaction.atomic
def say_all(said: Sequence[tuple[Customer, Statement]], *, by: str) -> None:
    """The same of many customers, in one statement; of one who has been erased meanwhile nothing is kept."""
    facts.wait_for_turn()
    ids = {customer.pk for customer, _ in said}
    locked = Customer.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    known = set(locked.values_list("pk", flat=True))
    rows = [_row(customer, each) for customer, each in said if customer.pk in known]
    if new := folding.say(rows, now=timezone.now(), by=by[:200]):
        facts.follow(list(new.values()), slots.assigned())


def history(customer: Customer) -> QuerySet[Consent]:
    """Everything a customer said, the latest first."""
    return customer.consents.order_by("-said_at", "is_granted", "-pk")


def refusing(topic: str, channel: str, customers: Collection[int]) -> frozenset[int]:
    """Those of these customers who withdrew the topic on that channel."""
    if not customers:
        return frozenset()
    found = prepared.rows(_REFUSING, [channel, topic, prepared.numbers([*customers])])
    return frozenset(customer_id for (customer_id,) in found)


def withdrawn_topic(channel: str, topic: str) -> Sql:
    """Whether the customer of `f` withdrew a topic on a channel; asked of a small index, once for a whole statement."""
    if topic == WHOLE_CHANNEL:
        return NOBODY
    return Sql(
        "(f.customer_id IN (SELECT said.customer_id FROM campaigns_consent said WHERE said.channel = %s"
        " AND said.topic = %s AND said.topic <> '' AND said.is_current AND NOT said.is_granted))",
        (channel, topic),
    )


def _row(customer: Customer, statement: Statement) -> dict[str, object]:
    channel, topic, granted, said_at, source, text = _said(statement)
    return {
        "external_id": customer.external_id, "channel": channel, "topic": topic, "is_granted": granted,
        "said_at": said_at.isoformat(), "source": source, "text": text,
    }  # fmt: skip


def _said(statement: Statement) -> Identity:
    each = statement
    return str(each.channel), each.topic, each.granted, each.said_at, each.source[:200], each.text


def _identity(proof: Consent) -> Identity:
    """By what a statement that comes again is known. Whoever passes it on is no part of it."""
    return proof.channel, proof.topic, proof.is_granted, proof.said_at, proof.source, proof.text


_REFUSING = """
SELECT customer_id FROM campaigns_consent
WHERE channel = %s AND topic = %s AND is_current AND NOT is_granted AND customer_id = ANY(%s::bigint[])
"""
