"""What people did with a message becomes theirs, in facts, rules and timelines; what machines did never does."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from campaigns import configuration
from campaigns.models import Event, Facts
from delivery import judgement, pipeline, signals
from delivery.channels.memory import MemoryChannel
from delivery.models import Link, Message, Signal
from delivery.signals import Heard
from tenants import agenda
from tenants.models import AgendaItem, Retailer
from tests import factories
from tests.delivery.humans import traces

HOME = "84.112.7.0/24"


@pytest.fixture
def sent(at_acme: Retailer, outbox: MemoryChannel) -> list[Message]:
    """Three messages, sent two hours ago."""
    factories.customers(3)
    configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.work(seconds=20)
    Message.objects.update(settled_at=timezone.now() - timedelta(hours=2))
    return list(Message.objects.order_by("pk"))


def hear(retailer: Retailer, *told: Heard) -> datetime:
    """Write them down as they would have been a while ago; returns now."""
    now = timezone.now()
    with transaction.atomic():
        signals.record(told)
        judgement.expect(retailer, now=now)
    Signal.objects.filter(human=None).update(received_at=now - timedelta(minutes=2))
    AgendaItem.objects.filter(kind=judgement.AGENDA_KIND).update(due_at=now)
    return now


def percents() -> list[int]:
    return [
        -1 if percent is None else percent for percent in Signal.objects.order_by("pk").values_list("human", flat=True)
    ]


def click(message: Message, link: int, at: datetime, *, agent: str = traces.IPHONE, network: str = HOME) -> Heard:
    event = f"{message.pk}/{link}/{at}/{agent}"
    return Heard(message.pk, "click", signals.LINK, event, at=at, link=link, user_agent=agent, network=network)


def test_a_person_s_click_becomes_an_event_and_a_fact(at_acme: Retailer, sent: list[Message]) -> None:
    at = timezone.now() - timedelta(hours=1)
    again = click(sent[0], 2, at + timedelta(minutes=5))
    hear(at_acme, click(sent[0], 2, at), again)
    pipeline.work(seconds=20)
    assert [percent >= 50 for percent in percents()] == [True, True]
    (event,) = Event.objects.filter(name="email_clicked")
    assert (event.customer_id, event.occurred_at, event.properties) == (
        sent[0].customer_id,
        at,
        {"campaign": "welcome", "step": sent[0].step, "link": 2},
    )
    assert Facts.objects.get(customer_id=sent[0].customer_id).engaged_email_at == at
    assert not AgendaItem.objects.filter(kind=judgement.AGENDA_KIND).exists()


def test_a_machine_s_hits_become_nobody_s(at_acme: Retailer, sent: list[Message]) -> None:
    soon = sent[0].settled_at + timedelta(seconds=3)  # type: ignore[operator]
    Link.objects.bulk_create(
        Link(digest=signals.event_id("test", str(number)), template_hash=sent[0].template_hash, number=number, url="")
        for number in range(1, 6)
    )
    sweep = [click(sent[0], number, soon, agent=traces.CHROME, network="40.94.3.0/24") for number in range(1, 6)]
    fetched = Heard(sent[1].pk, "open", signals.LINK, "o", at=soon, user_agent=traces.APPLE, network="17.58.0.0/24")
    hear(at_acme, *sweep, fetched)
    pipeline.work(seconds=20)
    assert all(0 <= percent < 50 for percent in percents())
    assert not Event.objects.exists()


def test_a_hit_waits_until_it_has_settled(at_acme: Retailer, sent: list[Message]) -> None:
    signals.record([click(sent[0], 1, timezone.now())])
    due_at = judgement.advance(at_acme, now=timezone.now())
    (signal,) = Signal.objects.all()
    assert (signal.human, due_at) == (None, signal.received_at + judgement.SETTLED)


def test_what_comes_later_is_judged_with_what_was_there(at_acme: Retailer, sent: list[Message]) -> None:
    at = timezone.now() - timedelta(hours=1)
    hear(at_acme, click(sent[0], 1, at, agent=traces.CHROME))
    pipeline.work(seconds=20)
    hear(at_acme, click(sent[0], 0, at + timedelta(seconds=70), agent=traces.CHROME))
    pipeline.work(seconds=20)
    assert [0 <= percent < 50 for percent in percents()] == [True, True]


def test_judging_twice_is_judging_once(at_acme: Retailer, sent: list[Message]) -> None:
    now = hear(at_acme, click(sent[0], 1, timezone.now() - timedelta(hours=1)))
    judgement.advance(at_acme, now=now)
    Signal.objects.update(human=None)
    judgement.advance(at_acme, now=now)
    assert Event.objects.count() == 1
    assert judgement.advance(at_acme, now=now) is None


def test_hits_without_end_are_judged_to_the_last(at_acme: Retailer, sent: list[Message]) -> None:
    at = timezone.now() - timedelta(hours=1)
    hits = [click(sent[0], 1, at + timedelta(seconds=number)) for number in range(judgement.HITS + 50)]
    now = hear(at_acme, *hits)
    judgement.advance(at_acme, now=now)
    assert not Signal.objects.filter(human=None).exists()
    assert Signal.objects.filter(human=0).count() >= 50


def test_a_hit_that_comes_while_others_are_judged_is_not_forgotten(at_acme: Retailer, sent: list[Message]) -> None:
    hear(at_acme, click(sent[0], 1, timezone.now() - timedelta(hours=1)))
    held = agenda.claim(seconds=30, retailer=at_acme)
    assert held is not None
    judgement.expect(at_acme, now=timezone.now())
    agenda.finish(held, cost=0.1)
    assert AgendaItem.objects.filter(kind=judgement.AGENDA_KIND).exists()
