"""Whom the campaigns of blueprints reach, and on which day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from campaigns import (
    audience,
    blueprinting,
    configuration,
    facts,
    resolution,
)
from campaigns.audience import Waterfall
from campaigns.models import Customer, Event
from delivery import pipeline, providers
from delivery.channels.memory import MemoryChannel
from tenants.models import Retailer
from tests import factories
from tests.campaigns.blueprints.deployed import (
    NOW,
)


def audience_of(key: str, *, as_of: datetime = NOW) -> Waterfall:
    config = resolution.resolve(blueprinting.instantiate(key, now=NOW).draft).config
    return audience.count(config, as_of=as_of)


def did(person: Customer, name: str, *, ago: timedelta) -> None:
    Event.objects.create(event_id=f"{name}-{ago}", customer=person, name=name, occurred_at=NOW - ago)
    facts.recompute([person.pk])


@pytest.mark.parametrize(("key", "first", "last"), [("winback", 60, 67), ("replenishment", 28, 35)])
def test_each_silence_falls_into_exactly_one_of_the_weekly_runs(
    at_acme: Retailer, key: str, first: int, last: int
) -> None:
    person = factories.customers(1)[0]
    did(person, "order", ago=timedelta(days=300))
    did(person, "order", ago=timedelta(days=first, hours=1))
    weeks = [audience_of(key, as_of=NOW + timedelta(weeks=week)).candidates for week in range(-2, 3)]
    assert weeks == [0, 0, 1, 0, 0]
    did(person, "order", ago=timedelta(days=1))
    assert audience_of(key).candidates == 0
    assert last - first == 7


def test_basket_that_was_ordered_meanwhile_is_not_reminded_of(at_acme: Retailer) -> None:
    keen, idle = factories.customers(2)
    did(keen, "order", ago=timedelta(hours=3))
    did(idle, "order", ago=timedelta(hours=8))
    assert audience_of("abandoned-cart").excluded["excluded_by_rule"] == 1


def test_birthday_greets_whose_day_it_is_in_the_retailers_zone(at_acme: Retailer) -> None:
    factories.customers(1, attributes={"birthday": "1990-05-17"})
    factories.customers(2, first=2, attributes={"birthday": "1990-05-18"})
    half_past_midnight_in_london = datetime(2026, 5, 16, 23, 30, tzinfo=UTC)
    assert audience_of("birthday", as_of=half_past_midnight_in_london).included == 1


def test_what_was_chosen_in_two_clicks_arrives(at_acme: Retailer, settings: Settings) -> None:
    settings.EMAIL_URL = "memory://acme"
    channel = providers.channel(at_acme, "email")
    assert isinstance(channel, MemoryChannel)
    channel.sent.clear()
    today = timezone.now().astimezone(at_acme.tzinfo)
    factories.customers(1, attributes={"birthday": f"1984-{today:%m-%d}"})
    factories.customers(1, first=2)
    configuration.launch(blueprinting.instantiate("birthday", now=NOW), by="test", now=timezone.now())
    pipeline.work(seconds=30)
    assert [(mail.recipient, mail.subject) for mail in channel.sent] == [("c1@example.test", "Happy birthday, Ana")]
    assert "A few hours that are all yours" in channel.sent[0].html
