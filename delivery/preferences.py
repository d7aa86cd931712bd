"""What a recipient decides by a link in a message. The link names the message; the message names the person.

Reads    Message, Customer
Writes   Suppression (reason: unsubscribed) through campaigns.suppressions, Consent through campaigns.consents, and
         through delivery.departures Signal of whoever left
Promise  effective for the next hand-over of every run; done twice, it is done once. Nobody at the address gets more;
         the proof is that of the person who got the message
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from campaigns import consents, suppressions
from campaigns.consents import Statement
from campaigns.models import Customer, Suppression
from campaigns.models.customers import Channel
from delivery import departures, identity, signals
from delivery.models import Message, Signal
from delivery.signals import Heard
from tenants.models import Retailer

SOURCE = "link in a message"


@dataclass(frozen=True)
class Addressed:
    """Whom a message was sent to."""

    message_id: int
    customer: Customer


@dataclass(frozen=True)
class Recipient:
    """Who a link speaks for. `is_refused`: they get nothing for another reason than that they left, and cannot undo it;
    `is_barred` where that is the list of the platform.
    """

    address: str
    is_unsubscribed: bool
    locale: str = ""
    is_refused: bool = False
    is_barred: bool = False


def addressed(retailer: Retailer, token: str) -> Addressed:
    """Raises identity.BadToken for a link that names nobody here."""
    number = identity.Signer(retailer).read(token)
    customers = Message.objects.filter(pk=number).values("customer_id")
    found = Customer.objects.filter(pk__in=customers).exclude(email="").first()
    if found is None:
        raise identity.BadToken
    return Addressed(number, found)


def recipient(retailer: Retailer, token: str) -> Recipient:
    """Raises identity.BadToken for a link that names nobody here."""
    return _standing(addressed(retailer, token).customer)


@transaction.atomic
def unsubscribe(retailer: Retailer, token: str, *, now: datetime) -> Recipient:
    """Raises identity.BadToken."""
    found = addressed(retailer, token)
    put_on_list(found, Channel.EMAIL, found.customer.email, is_out=True, now=now)
    _say(found.customer, is_granted=False, now=now)
    return _standing(found.customer)


@transaction.atomic
def resubscribe(retailer: Retailer, token: str, *, now: datetime) -> Recipient:
    """Take an unsubscription back; a bounce or complaint stays. Raises identity.BadToken."""
    found = addressed(retailer, token)
    put_on_list(found, Channel.EMAIL, found.customer.email, is_out=False, now=now)
    _say(found.customer, is_granted=True, now=now)
    return _standing(found.customer)


def put_on_list(
    who: Addressed, channel: str, address: str, *, is_out: bool, now: datetime, source: str = SOURCE
) -> None:
    """Whoever leaves goes on the list of those who get nothing, and comes off it again; told as a signal where it is
    new. Devices have no list: there consent decides.
    """
    if not is_out:
        if address:
            suppressions.take_off(channel=channel, address=address, reason=Suppression.Reason.UNSUBSCRIBED)
        return
    is_new = (
        not address
        or suppressions.put(channel=channel, address=address, reason=Suppression.Reason.UNSUBSCRIBED, source=source)[1]
    )
    if is_new:
        event = f"{who.message_id}/unsubscribe/{channel}/{now.isoformat()}"
        departures.note(
            Heard(who.message_id, Signal.Kind.UNSUBSCRIBE, signals.LINK, event, at=now, human=100, detail=str(channel))
        )


def _standing(customer: Customer) -> Recipient:
    listed = set(suppressions.of(Channel.EMAIL, customer.email).values_list("reason", flat=True))
    is_barred = suppressions.platform.bars(Channel.EMAIL, customer.email)
    is_refused = is_barred or bool(listed - {Suppression.Reason.UNSUBSCRIBED})
    return Recipient(customer.email, bool(listed) or is_barred, customer.locale or "", is_refused, is_barred)


def _say(customer: Customer, *, is_granted: bool, now: datetime) -> None:
    """Once, however often the link is followed."""
    held = customer.consents.filter(channel=Channel.EMAIL, topic=consents.WHOLE_CHANNEL, is_current=True).first()
    if held is None or held.is_granted is not is_granted:
        said = Statement(Channel.EMAIL, consents.WHOLE_CHANNEL, is_granted, now, source=SOURCE)
        consents.say(customer, [said], by="customer")
