"""What customers agreed to, with the proof: each statement appended, and folded into what holds now.

Reads    Consent
Writes   Consent, and consent_* of Customer and Facts
Promise  the latest statement of a customer on a channel and topic holds; one that arrives late is kept as proof and
         changes nothing. Of two of the same moment the no holds, so the order of arrival decides nothing
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from campaigns import facts
from campaigns.compiler import NOBODY, Sql
from campaigns.models import Consent, Customer, Facts
from campaigns.models.customers import Channel

CHANNELS = (Channel.EMAIL, Channel.SMS, Channel.PUSH)
WHOLE_CHANNEL = ""  # the topic of a statement about every message of a channel
Place = tuple[str, str]  # channel, topic


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
    known = {_identity(each): each for each in customer.consents.all()}
    held = {(each.channel, each.topic): each for each in known.values() if each.is_current}
    fresh: dict[tuple[object, ...], Consent] = {}
    for statement in statements:
        proof = _proof(customer, statement, by)
        if _identity(proof) not in known:
            fresh.setdefault(_identity(proof), proof)
    changed = _fold(held, fresh.values())
    Consent.objects.filter(pk__in=[held[place].pk for place in changed if place in held]).update(is_current=False)
    Consent.objects.bulk_create(fresh.values())
    _tell(
        {channel: proof.is_granted for (channel, topic), proof in changed.items() if topic == WHOLE_CHANNEL}, customer
    )
    kept = {_identity(each): each for each in customer.consents.all()} if fresh else known
    return [kept[_identity(_proof(customer, each, by))] for each in statements]


def history(customer: Customer) -> QuerySet[Consent]:
    """Everything a customer said, the latest first."""
    return customer.consents.order_by("-said_at", "is_granted", "-pk")


def may_send(customer: Customer, channel: str, topic: str) -> bool:
    """The consent that counts for messages of a topic: the channel's, unless the topic was withdrawn."""
    if channel not in CHANNELS or not getattr(customer, f"consent_{channel}"):
        return False
    withdrawn = customer.consents.filter(channel=channel, topic=topic, is_current=True, is_granted=False)
    return topic == WHOLE_CHANNEL or not withdrawn.exists()


def withdrawn_topic(channel: str, topic: str) -> Sql:
    """Whether the customer of `f` withdrew a topic on a channel; asked of a small index, once for a whole statement."""
    if topic == WHOLE_CHANNEL:
        return NOBODY
    return Sql(
        "(f.customer_id IN (SELECT said.customer_id FROM campaigns_consent said WHERE said.channel = %s"
        " AND said.topic = %s AND said.topic <> '' AND said.is_current AND NOT said.is_granted))",
        (channel, topic),
    )


def _fold(held: dict[Place, Consent], fresh: Iterable[Consent]) -> dict[Place, Consent]:
    """The statements that hold from now on where another one, or none, held before; marked as such."""
    changed: dict[Place, Consent] = {}
    for proof in fresh:
        place = (proof.channel, proof.topic)
        holding = changed.get(place) or held.get(place)
        if holding is None or _weight(proof) > _weight(holding):
            changed[place] = proof
    for proof in changed.values():
        proof.is_current = True
    return changed


def _weight(proof: Consent) -> tuple[datetime, bool]:
    return proof.said_at, not proof.is_granted


def _tell(granted: dict[str, bool], customer: Customer) -> None:
    """Bring what holds for whole channels to the columns that audiences read."""
    columns = {f"consent_{channel}": value for channel, value in granted.items()}
    if columns:
        Customer.objects.filter(pk=customer.pk).update(**columns, updated_at=Now())
        Facts.objects.filter(pk=customer.pk).update(**columns)
        for name, value in columns.items():
            setattr(customer, name, value)


def _proof(customer: Customer, statement: Statement, by: str) -> Consent:
    return Consent(
        customer_id=customer.pk,
        channel=statement.channel,
        topic=statement.topic,
        is_granted=statement.granted,
        said_at=statement.said_at,
        source=statement.source[:200],
        text=statement.text,
        by=by[:200],
        is_current=False,
    )


def _identity(proof: Consent) -> tuple[object, ...]:
    """By what a statement that comes again is known. Whoever passes it on is no part of it."""
    return proof.channel, proof.topic, proof.is_granted, proof.said_at, proof.source, proof.text
