"""Whoever leaves is heard by whichever door: kept once, told to integrators once, and a reason to look at the run."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns import configuration
from campaigns.models import Customer, Run
from delivery import alarms, choices, guards, identity, notices, pipeline, preferences, replies, subscriptions
from delivery.channels.memory import MemoryChannel
from delivery.models import Message, Notice, Signal, Subscription
from tenants import agenda
from tenants.models import AgendaItem, Retailer
from tests import factories


@pytest.fixture
def sent(at_acme: Retailer, outbox: MemoryChannel) -> Message:
    factories.customers(1)
    configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.work(seconds=20)
    subscriptions.save({"key": "crm", "url": "https://crm.example.com/", "events": ["customer.unsubscribed"]})
    return Message.objects.get()


def heard(message: Message) -> list[dict[str, object]]:
    """What integrators are told; each is also a signal, and the run is looked at."""
    told = [json.loads(body) for body in Notice.objects.order_by("pk").values_list("body", flat=True)]
    assert Signal.objects.filter(kind="unsubscribe", message=message).count() == len(told)
    assert AgendaItem.objects.filter(kind=alarms.AGENDA_KIND, object_id=message.run_id).exists() is bool(told)
    return [{"type": each["type"], "channel": each["data"]["detail"]} for each in told]


def test_by_the_link_in_a_message(at_acme: Retailer, sent: Message) -> None:
    token = identity.Signer(at_acme, "message").token(sent.pk)
    assert heard(sent) == []
    for _ in range(2):
        preferences.unsubscribe(at_acme, token, now=timezone.now())
    assert heard(sent) == [{"type": "customer.unsubscribed", "channel": "email"}]


def test_by_the_page_of_preferences(at_acme: Retailer, sent: Message) -> None:
    token = identity.Signer(at_acme, "message").token(sent.pk)
    for _ in range(2):
        choices.choose(at_acme, token, [choices.COUNTED], shown={}, now=timezone.now())
    assert heard(sent) == [{"type": "customer.unsubscribed", "channel": "email"}]


def test_by_an_answer_to_a_text_message(at_acme: Retailer, sent: Message) -> None:
    Message.objects.update(channel="sms")
    Customer.objects.update(phone="+4915112345678")
    for _ in range(2):
        replies.answer("+4915112345678", "Stop", source="twilio", event="SM1", now=timezone.now())
    assert heard(sent) == [{"type": "customer.unsubscribed", "channel": "sms"}]


def test_a_notice_does_not_wait_for_one_that_is_due_in_hours(at_acme: Retailer, sent: Message) -> None:
    subscription = Subscription.objects.get()
    agenda.put(at_acme, notices.AGENDA_KIND, subscription.pk, due_at=timezone.now() + timedelta(hours=6))
    preferences.unsubscribe(at_acme, identity.Signer(at_acme, "message").token(sent.pk), now=timezone.now())
    item = AgendaItem.objects.get(kind=notices.AGENDA_KIND)
    assert item.due_at <= timezone.now()


def test_a_run_that_takes_long_to_count_is_looked_at_now_and_then(
    at_acme: Retailer, sent: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    Run.objects.update(state="running")
    assert guards.advance(sent.run_id, now=now) is None
    monkeypatch.setattr(guards, "QUICK", 0.0)
    again = guards.advance(sent.run_id, now=now)
    assert again is not None
    assert again > now
    Run.objects.update(state="completed")
    assert guards.advance(sent.run_id, now=now) is None
