"""What a recipient decides by a link in a message. The link names the message; the message names the person.

Reads    Message, Customer
Writes   Suppression (reason: unsubscribed) through campaigns.suppressions, Consent through campaigns.consents
Promise  effective for the next batch of every run; done twice, it is done once. Nobody at the address gets more; the
         proof is that of the person who got the message
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from campaigns import consents, suppressions
from campaigns.consents import Statement
from campaigns.models import Customer, Suppression
from campaigns.models.customers import Channel
from delivery import identity
from delivery.models import Message
from tenants.models import Retailer

SOURCE = "link in a message"


@dataclass(frozen=True)
class Recipient:
    """Who a link speaks for."""

    address: str
    is_unsubscribed: bool


def recipient(retailer: Retailer, token: str) -> Recipient:
    """Raises identity.BadToken for a link that names nobody here."""
    return _standing(_customer(retailer, token))


@transaction.atomic
def unsubscribe(retailer: Retailer, token: str, *, now: datetime) -> Recipient:
    """Raises identity.BadToken."""
    customer = _customer(retailer, token)
    suppressions.put(
        channel=Channel.EMAIL, address=customer.email, reason=Suppression.Reason.UNSUBSCRIBED, source=SOURCE
    )
    _say(customer, is_granted=False, now=now)
    return _standing(customer)


@transaction.atomic
def resubscribe(retailer: Retailer, token: str, *, now: datetime) -> Recipient:
    """Take an unsubscription back; a bounce or complaint stays. Raises identity.BadToken."""
    customer = _customer(retailer, token)
    suppressions.take_off(channel=Channel.EMAIL, address=customer.email, reason=Suppression.Reason.UNSUBSCRIBED)
    _say(customer, is_granted=True, now=now)
    return _standing(customer)


def _customer(retailer: Retailer, token: str) -> Customer:
    number = identity.Signer(retailer, "message").read(token)
    customers = Message.objects.filter(pk=number).values("customer_id")
    found = Customer.objects.filter(pk__in=customers).exclude(email="").first()
    if found is None:
        raise identity.BadToken
    return found


def _standing(customer: Customer) -> Recipient:
    return Recipient(customer.email, suppressions.of(Channel.EMAIL, customer.email).exists())


def _say(customer: Customer, *, is_granted: bool, now: datetime) -> None:
    """Once, however often the link is followed."""
    held = customer.consents.filter(channel=Channel.EMAIL, topic=consents.WHOLE_CHANNEL, is_current=True).first()
    if held is None or held.is_granted is not is_granted:
        said = Statement(Channel.EMAIL, consents.WHOLE_CHANNEL, is_granted, now, source=SOURCE)
        consents.say(customer, [said], by="customer")
