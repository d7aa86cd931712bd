"""What a recipient decides by a link in a message. The link names the message; the message names the person.

Reads    Message, Customer
Writes   Suppression (reason: unsubscribed), through campaigns.suppressions
Promise  effective for the next batch of every run; done twice, it is done once
"""

from __future__ import annotations

from dataclasses import dataclass

from campaigns import suppressions
from campaigns.models import Customer, Suppression
from campaigns.models.customers import Channel
from delivery import identity
from delivery.models import Message
from tenants.models import Retailer


@dataclass(frozen=True)
class Recipient:
    """Who a link speaks for."""

    address: str
    is_unsubscribed: bool


def recipient(retailer: Retailer, token: str) -> Recipient:
    """Raises identity.BadToken for a link that names nobody here."""
    number = identity.Signer(retailer, "message").read(token)
    customers = Message.objects.filter(pk=number).values("customer_id")
    address = Customer.objects.filter(pk__in=customers).values_list("email", flat=True).first()
    if not address:
        raise identity.BadToken
    return Recipient(address, suppressions.of(Channel.EMAIL, address).exists())


def unsubscribe(retailer: Retailer, token: str) -> Recipient:
    """Raises identity.BadToken."""
    found = recipient(retailer, token)
    suppressions.put(
        channel=Channel.EMAIL,
        address=found.address,
        reason=Suppression.Reason.UNSUBSCRIBED,
        source="link in a message",
    )
    return Recipient(found.address, is_unsubscribed=True)


def resubscribe(retailer: Retailer, token: str) -> Recipient:
    """Take an unsubscription back; a bounce or complaint stays. Raises identity.BadToken."""
    found = recipient(retailer, token)
    suppressions.take_off(channel=Channel.EMAIL, address=found.address, reason=Suppression.Reason.UNSUBSCRIBED)
    return Recipient(found.address, suppressions.of(Channel.EMAIL, found.address).exists())
