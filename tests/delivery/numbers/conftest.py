"""A run of which everything came that can come, and others beside it that must not be counted with it."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from campaigns import configuration, content, ingest
from campaigns.models import Brand, Customer, Run
from delivery import pipeline, tallies
from delivery.channels.memory import MemoryChannel
from delivery.models import Message
from tenants.models import Retailer
from tests import factories
from tests.delivery import storm

PEOPLE = 360
STATES = (
    "accepted", "delivered", "delivered", "delivered", "bounced", "unknown", "cancelled", "rejected", "failed",
    "expired", "held",
)  # fmt: skip
REASONS = {
    "rejected": "the provider refused it",
    "failed": "it could not be made",
    "expired": "too late",
    "cancelled": "nobody wanted it",
}

KINDS = ("open", "open", "open", "click", "click", "unsubscribe", "complaint")  # of what is heard


@pytest.fixture
def eventful(at_acme: Retailer, outbox: MemoryChannel) -> Run:
    """Counted. It went out two days ago and is over; the brand's currency is GBP, and orders are in others too."""
    now, chance = timezone.now(), random.Random(23)
    Brand.objects.filter(pk=content.brand().pk).update(currency="GBP")
    factories.segment("at-mail", {"attribute": "email", "contains": "@mail.example"})
    factories.segment("ones", {"attribute": "external_id", "starts_with": "c1"})
    factories.segment("nobody", {"any": []})
    factories.customers(PEOPLE)
    for customer in Customer.objects.all():
        customer.email = f"{customer.external_id}@{chance.choice(('mail.example', 'post.example', 'rare.example'))}"
        customer.save(update_fields=["email"])
    ended = _sent(_campaign(), now)
    later = _sent(factories.campaign("later"), now)
    _settle(ended, chance, now)
    _settle(later, chance, now - timedelta(hours=1))
    storm.hear(chance, now, kinds=KINDS, most=5)
    _order(at_acme, chance, now)
    found = list(Run.objects.select_related("version", "campaign").order_by("pk"))
    for each in found:
        tallies.count(each, now=now)
    return found[0]


def _campaign() -> Any:
    step = {"key": "first", "channel": "email", "template": "hello", "variants": [{"key": "a"}, {"key": "b"}]}
    return factories.campaign(
        steps=[step], audience={"include": {"all": []}, "holdout": 0.4}, goal={"event": "order", "within": "1d"}
    )


def _sent(campaign: Any, now: datetime) -> Run:
    run = configuration.launch(campaign, by="test", now=now)
    pipeline.work(seconds=30)
    return run


def _settle(run: Run, chance: random.Random, now: datetime) -> None:
    """Its messages came to this and that, over hours."""
    ago = now - timedelta(hours=60)
    Run.objects.filter(pk=run.pk).update(
        evaluated_at=ago, started_at=ago, finished_at=now - timedelta(hours=29), state="completed"
    )
    for message in Message.objects.filter(run=run).order_by("pk"):
        message.settled_at = now - timedelta(hours=chance.randint(30, 40), minutes=chance.randint(0, 59))
        message.state = chance.choice(STATES)
        message.reason = REASONS.get(message.state, "")
        message.save(update_fields=["settled_at", "state", "reason"])


def _order(retailer: Retailer, chance: random.Random, now: datetime) -> None:
    rows = [
        {
            "event_id": f"{customer.pk}-{number}",
            "external_id": customer.external_id,
            "name": chance.choice(("order", "order", "view")),
            "occurred_at": (now - timedelta(hours=chance.choice((chance.randint(1, 60), 24 * 20)))).isoformat(),
            "value": chance.choice((None, 10, "3.50")),
            "currency": chance.choice(("", "GBP", "EUR", "USD")),
        }
        for customer in Customer.objects.order_by("pk")
        for number in range(chance.randrange(4))
    ]
    ingest.add_events(rows, now=now, zone=retailer.tzinfo)
