"""Messages that something comes back of: three, and a run of which everything came back."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from campaigns import configuration, ingest
from campaigns.models import Customer, Run
from delivery import pipeline
from delivery.channels.memory import MemoryChannel
from delivery.models import Message
from tenants.models import Retailer
from tests import factories
from tests.delivery import storm
from tests.delivery.signals import posts

PEOPLE = 120

KINDS = ("open", "open", "click", "unsubscribe", "complaint")  # of what is heard


@pytest.fixture
def sent(at_acme: Retailer, outbox: MemoryChannel) -> list[Message]:
    """Three messages that were accepted, and a provider that tells of them."""
    factories.customers(3)
    configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.work(seconds=20)
    posts.provider()
    return list(Message.objects.order_by("pk"))


@pytest.fixture
def run(at_acme: Retailer, outbox: MemoryChannel) -> Run:
    """Yesterday's, with two variants, a fifth held out, a goal, and a day's hits, bounces and orders."""
    now, chance = timezone.now(), random.Random(11)
    factories.customers(PEOPLE)
    for number, customer in enumerate(Customer.objects.order_by("pk")):
        customer.email = f"p{number}@{chance.choice(('mail.example', 'post.example', 'rare.example'))}"
        customer.save(update_fields=["email"])
    made = configuration.launch(_campaign(), by="test", now=now)
    pipeline.work(seconds=20)
    Run.objects.filter(pk=made.pk).update(evaluated_at=now - timedelta(days=2), started_at=now - timedelta(days=2))
    _spread(chance, now)
    storm.hear(chance, now, kinds=KINDS, most=6)
    _order(at_acme, chance, now)
    return Run.objects.select_related("version", "campaign").get(pk=made.pk)


def _campaign() -> Any:
    variants = [{"key": "a"}, {"key": "b"}]
    step = {"key": "first", "channel": "email", "template": "hello", "variants": variants}
    audience = {"include": {"all": []}, "holdout": 0.2}
    return factories.campaign(steps=[step], audience=audience, goal={"event": "order", "within": "1d"})


def _spread(chance: random.Random, now: datetime) -> None:
    """They went out over hours, and some came to nothing."""
    for message in Message.objects.order_by("pk"):
        message.settled_at = now - timedelta(hours=chance.randint(30, 40), minutes=chance.randint(0, 59))
        message.state = chance.choice(("accepted", "delivered", "delivered", "bounced", "unknown", "cancelled"))
        message.save(update_fields=["settled_at", "state"])


def _order(retailer: Retailer, chance: random.Random, now: datetime) -> None:
    rows = []
    for customer in Customer.objects.order_by("pk"):
        for number in range(chance.randrange(4)):
            at = now - timedelta(hours=chance.choice((chance.randint(1, 40), chance.randint(40, 24 * 40))))
            rows.append(
                {
                    "event_id": f"{customer.pk}-{number}",
                    "external_id": customer.external_id,
                    "name": chance.choice(("order", "order", "view")),
                    "occurred_at": at.isoformat(),
                    "value": chance.choice((None, 10, "3.50")),
                }
            )
    ingest.add_events(rows, now=now, zone=retailer.tzinfo)
