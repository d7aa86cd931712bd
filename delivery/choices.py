"""What a person wants to get, by channel and topic, and whether it may be counted: what the page of preferences shows.

Reads    Message, Customer, Consent, Suppression, CampaignVersion (which topics there are)
Writes   Consent and Suppression, as delivery.preferences does, and with it Signal
Promise  a yes or no that changes something is kept with what the person was shown; effective for the next hand-over of
         every run; done twice, it is done once
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from campaigns import consents, suppressions
from campaigns.consents import TRACKING, WHOLE_CHANNEL, Statement
from campaigns.models import Customer, Suppression
from campaigns.models.customers import Channel
from delivery import preferences
from delivery.preferences import Addressed
from tenants.models import Retailer

SOURCE = "page of preferences"
COUNTED = "counted"  # the name of the choice whether opens and clicks may be counted
MOST_TOPICS = 30


@dataclass(frozen=True)
class Choice:
    """`name` is the form's. `is_refused`: the address gets nothing for another reason than that its owner left;
    `is_barred` where that is the list of the platform, which holds for every retailer.
    """

    name: str
    label: str
    is_wanted: bool
    channel: str = ""
    address: str = ""
    is_refused: bool = False
    is_barred: bool = False
    topics: tuple[Choice, ...] = ()


@dataclass(frozen=True)
class Choices:
    customer: Customer
    channels: tuple[Choice, ...]
    is_counted: bool


def choices(retailer: Retailer, token: str) -> Choices:
    """Raises identity.BadToken for a link that names nobody here."""
    return _choices(preferences.addressed(retailer, token).customer)


@transaction.atomic
def choose(
    retailer: Retailer, token: str, wanted: Collection[str], *, shown: Mapping[str, str], now: datetime
) -> Choices:
    """`wanted` are names of choices; every other one that was shown is a no. Raises identity.BadToken.

    `shown` is what the person read at each, by name of a channel or COUNTED.
    """
    addressed = preferences.addressed(retailer, token)
    before = _choices(addressed.customer)
    said: list[Statement] = []
    for each in before.channels:
        said += _said(addressed, each, wanted, shown.get(each.channel, ""), now)
    if before.is_counted != (COUNTED in wanted):
        said.append(Statement(Channel.EMAIL, TRACKING, COUNTED in wanted, now, SOURCE, shown.get(COUNTED, "")))
    if said:
        consents.say(addressed.customer, said, by="customer")
    return _choices(addressed.customer)


def _said(addressed: Addressed, choice: Choice, wanted: Collection[str], shown: str, now: datetime) -> list[Statement]:
    """What is new about a channel; of one that is left as a whole, topics stay as they were."""
    is_wanted, said = choice.name in wanted, list[Statement]()
    if is_wanted != choice.is_wanted and not (is_wanted and choice.is_refused):
        said.append(Statement(choice.channel, WHOLE_CHANNEL, is_wanted, now, SOURCE, shown))
        preferences.put_on_list(addressed, choice.channel, choice.address, is_out=not is_wanted, now=now)
    for topic in choice.topics if is_wanted else ():
        if topic.is_wanted != (topic.name in wanted):
            told = f"{shown}: {topic.label}" if shown else topic.label
            said.append(Statement(choice.channel, topic.name.partition(".")[2], not topic.is_wanted, now, SOURCE, told))
    return said


def _choices(customer: Customer) -> Choices:
    withdrawn = set(
        customer.consents.filter(is_current=True, is_granted=False).values_list("channel", "topic")
    )  # all of one person: few
    topics = _topics(customer)
    addresses = {Channel.EMAIL: customer.email, Channel.SMS: customer.phone}
    if customer.devices.exists():
        addresses[Channel.PUSH] = ""
    found = [
        _channel(customer, channel, address, topics.get(channel, []), withdrawn)
        for channel, address in addresses.items()
        if address or channel == Channel.PUSH
    ]
    return Choices(customer, tuple(found), (Channel.EMAIL, TRACKING) not in withdrawn)


def _channel(
    customer: Customer, channel: Channel, address: str, topics: Collection[str], withdrawn: Collection[tuple[str, str]]
) -> Choice:
    listed = set(suppressions.of(channel, address).values_list("reason", flat=True)) if address else set()
    is_barred = suppressions.platform.bars(channel, address)
    return Choice(
        name=channel,
        label=channel,
        is_wanted=getattr(customer, f"consent_{channel}") and not listed and not is_barred,
        channel=channel,
        address=address,
        is_refused=is_barred or bool(listed - {Suppression.Reason.UNSUBSCRIBED}),
        is_barred=is_barred,
        topics=tuple(
            Choice(f"{channel}.{topic}", _title(topic), (channel, topic) not in withdrawn) for topic in topics
        ),
    )


def _topics(customer: Customer) -> dict[str, list[str]]:
    """By channel: those of campaigns that were ever published, and those the person said something about."""
    with connection.cursor() as cursor:
        cursor.execute(_TOPICS, [customer.pk])
        rows = cursor.fetchall()
    found: dict[str, list[str]] = {}
    for channel, topic in rows:
        if topic not in (WHOLE_CHANNEL, TRACKING) and len(found.setdefault(channel, [])) < MOST_TOPICS:
            found[channel].append(topic)
    return found


def _title(topic: str) -> str:
    words = topic.replace("-", " ").replace("_", " ")
    return words[:1].upper() + words[1:]


_TOPICS = """
SELECT step ->> 'channel' AS channel, coalesce(config ->> 'topic', 'promotions') AS topic
FROM campaigns_campaignversion, jsonb_array_elements(config -> 'steps') step
UNION SELECT channel, topic FROM campaigns_consent WHERE customer_id = %s AND is_current
ORDER BY channel, topic
"""
