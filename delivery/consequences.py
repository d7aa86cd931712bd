"""What follows from what providers tell: who gets nothing more, and whose consent ends.

Reads    Customer, Message, Signal
Writes   Suppression, through campaigns.suppressions; Consent, through campaigns.consents
Promise  a hard bounce or a complaint ends it at once; soft bounces do when SOFT_BOUNCES messages in a row came back and
         none arrived in between; done twice, it is done once

Of this retailer alone: what a retailer's own account tells is no reason to keep others from writing to somebody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection

from campaigns import consents, suppressions
from campaigns.consents import Statement
from campaigns.models import Customer, Suppression
from campaigns.models.customers import Channel
from campaigns.suppressions import Addresses
from delivery.channels.signals import Signal, SignalKind

SOFT_BOUNCES = 5
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # what is said to be older is the provider's mistake
_ENDS = (SignalKind.COMPLAINT, SignalKind.UNSUBSCRIBE)


@dataclass(frozen=True, eq=False)
class Told:
    """What a provider's post told of one message, or of one address. Told twice, it is two of them."""

    post: int
    provider: str
    signal: Signal
    received_at: datetime

    @property
    def at(self) -> datetime:
        """When it happened: by the provider's clock, where that can be."""
        said = self.signal.at
        return said if said and EARLIEST < said < self.received_at else self.received_at


@dataclass(frozen=True)
class _About:
    """Who a signal is about: the channel and the address it was sent to, and whom that is."""

    channel: str
    address: str
    customer_id: int | None


def draw(told: Sequence[tuple[Told, int | None]], *, now: datetime) -> None:
    """Each with the number of its message, where it is about one."""
    about = _about({number for _, number in told if number is not None})
    for reason, kinds in (
        (Suppression.Reason.HARD_BOUNCE, (SignalKind.BOUNCE,)),
        (Suppression.Reason.COMPLAINT, (SignalKind.COMPLAINT,)),
        (Suppression.Reason.UNSUBSCRIBED, (SignalKind.UNSUBSCRIBE,)),
    ):
        meant = [
            each for each in told if each[0].signal.kind in kinds and (each[0].signal.is_hard or kinds[0] in _ENDS)
        ]
        _suppress(reason, [(each.provider, _address(each, about.get(number or 0))) for each, number in meant])
    softly = {number for each, number in told if number and _is_soft(each.signal)}
    _suppress(Suppression.Reason.HARD_BOUNCE, [("soft bounces", found) for found in _worn_out(softly)])
    _withdraw([(each, about.get(number or 0)) for each, number in told if each.signal.kind in _ENDS], now)


def _is_soft(signal: Signal) -> bool:
    return signal.kind == SignalKind.BOUNCE and not signal.is_hard


def _address(told: Told, about: _About | None) -> tuple[str, str]:
    """Channel and address: what the provider names, or else what the customer has."""
    if about is None:  # a reply by SMS is about no message
        return (Channel.SMS, told.signal.recipient)
    if about.channel == Channel.EMAIL and told.signal.recipient:
        return (Channel.EMAIL, told.signal.recipient)
    return (about.channel, about.address)


def _suppress(reason: str, meant: Iterable[tuple[str, tuple[str, str]]]) -> None:
    by_place: dict[tuple[str, str], dict[bytes, str]] = {}
    for source, (channel, address) in meant:
        try:
            proper = suppressions.normal(channel, address)
        except ValueError:
            continue  # what is no address gets nothing anyway
        by_place.setdefault((source, channel), {})[suppressions.hashed(proper)] = proper
    for (source, channel), by_hash in by_place.items():
        suppressions.add_all(Addresses(channel, by_hash), reason=reason, source=f"provider {source}")


def _withdraw(ended: Iterable[tuple[Told, _About | None]], now: datetime) -> None:
    """Complaints and unsubscriptions are what people say themselves: their consent ends, with its proof. Of several
    that somebody says of a channel it is the latest; who has taken consent back already says nothing new.
    """
    meant = sorted((each for each in ended if _way(each[1]) in consents.CHANNELS), key=_in_time)
    people = _people({_whom(told, about) for told, about in meant})
    said: dict[tuple[int, str], tuple[Customer, Statement]] = {}
    for told, about in meant:
        source = f"provider {told.provider}: {told.signal.kind}"
        statement = Statement(_way(about), consents.WHOLE_CHANNEL, False, min(told.at, now), source=source)
        said |= {(each.pk, statement.channel): (each, statement) for each in people.get(_whom(told, about), [])}
    for way in {way for _, way in said}:
        for pk in consents.refusing(consents.WHOLE_CHANNEL, way, [pk for pk, of in said if of == way]):
            del said[pk, way]
    if said:
        consents.say_all(list(said.values()), by="customer")


def _way(about: _About | None) -> str:
    return about.channel if about else Channel.SMS


def _in_time(each: tuple[Told, _About | None]) -> tuple[datetime, str, str]:
    told, _ = each
    return told.at, told.provider, told.signal.kind


def _whom(told: Told, about: _About | None) -> int | str:
    """The customer's number, or else what whoever wrote is called by."""
    return (about.customer_id if about else None) or told.signal.recipient


def _people(whom: set[int | str]) -> dict[int | str, list[Customer]]:
    """Customers by their number, and by their phone."""
    ids, phones = [each for each in whom if isinstance(each, int)], [each for each in whom if isinstance(each, str)]
    found: dict[int | str, list[Customer]] = {each.pk: [each] for each in Customer.objects.filter(pk__in=ids)}
    for each in Customer.objects.filter(phone__in=filter(None, phones)):
        found.setdefault(each.phone, []).append(each)
    return found


def _about(message_ids: set[int]) -> dict[int, _About]:
    with connection.cursor() as cursor:
        cursor.execute(_ABOUT, [list(message_ids)])
        return {number: _About(channel, address, customer) for number, channel, address, customer in cursor.fetchall()}


def _worn_out(message_ids: set[int]) -> list[tuple[str, str]]:
    """Channel and address of those whose last messages all came back softly."""
    if not message_ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_WORN_OUT, [list(message_ids), SOFT_BOUNCES])
        return list(cursor.fetchall())


_ADDRESS = "CASE message.channel WHEN 'email' THEN customer.email WHEN 'sms' THEN customer.phone ELSE '' END"
_ABOUT = f"""
SELECT message.id, message.channel, coalesce({_ADDRESS}, ''), customer.id
FROM delivery_message message LEFT JOIN campaigns_customer customer ON customer.id = message.customer_id
WHERE message.id = ANY(%s)
"""
_WORN_OUT = f"""
WITH affected AS (
    SELECT DISTINCT customer_id, channel FROM delivery_message WHERE id = ANY(%s)
), latest AS (
    SELECT affected.customer_id, affected.channel, signal.message_id, max(signal.at) AS at,
        bool_or(signal.kind = 'bounce' AND NOT signal.is_hard) AND NOT bool_or(signal.kind <> 'bounce') AS is_soft
    FROM affected
    JOIN delivery_message message USING (customer_id, channel)
    JOIN delivery_signal signal ON signal.message_id = message.id
        AND signal.kind IN ('bounce', 'delivered', 'open', 'click')
    GROUP BY 1, 2, 3
), counted AS (
    SELECT customer_id, channel, count(*) AS soft FROM latest
    WHERE is_soft AND at > coalesce((
        SELECT max(good.at) FROM latest good
        WHERE good.customer_id = latest.customer_id AND good.channel = latest.channel AND NOT good.is_soft
    ), '-infinity') GROUP BY 1, 2
)
SELECT message.channel, {_ADDRESS}
FROM counted message JOIN campaigns_customer customer ON customer.id = message.customer_id
WHERE soft >= %s
"""
