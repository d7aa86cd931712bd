"""A run that harms pauses by itself, says why, and goes on when somebody who has seen it says so."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from campaigns import configuration, policies
from campaigns.models import Customer, Run
from delivery import guards, pipeline, signals
from delivery.channels.memory import MemoryChannel
from delivery.models import Message
from delivery.signals import Heard
from tenants.models import Retailer
from tests import factories
from tests.delivery.signals import posts

PEOPLE = 240
TIERS = '<p>{{ customer.attributes.tier }}</p><a href="{{ unsubscribe_url }}">Unsubscribe</a>'


@pytest.fixture
def run(at_acme: Retailer, outbox: MemoryChannel) -> Run:
    """Half way through: everybody has the first of two messages."""
    factories.customers(PEOPLE)
    variants = [{"key": "a"}, {"key": "b"}]
    first: dict[str, Any] = {"key": "first", "channel": "email", "template": "hello", "variants": variants}
    later = {"key": "later", "channel": "email", "template": "hello", "after": {"step": "first", "delay": "1d"}}
    made = configuration.launch(factories.campaign(steps=[first, later]), by="test", now=timezone.now())
    pipeline.work(seconds=30)
    posts.provider()
    assert Run.objects.get(pk=made.pk).state == "running"
    return made


def heard(run: Run, kind: str, number: int, *, variant: str | None = None) -> None:
    found = Message.objects.filter(run=run, step="first")
    found = found.filter(variant=variant) if variant else found
    told = [Heard(each.pk, kind, "test", f"{kind}/{each.pk}") for each in found.order_by("pk")[:number]]
    assert len(signals.record(told)) == number


def state(run: Run) -> tuple[str, str]:
    run.refresh_from_db()
    return run.state, run.reason


def test_too_many_complaints_pause_it_and_say_so(at_acme: Retailer, run: Run) -> None:
    for number, message in enumerate(Message.objects.filter(run=run).order_by("pk")[:3]):
        posts.post(at_acme, posts.signed(posts.event(at_acme, message, "complained", f"c{number}")))
    pipeline.work(seconds=20)
    told, reason = state(run)
    assert told == "paused"
    assert reason.startswith("Paused by itself: ")
    assert "were called spam, and 0.2 % are borne. Please look whether these people asked for it" in reason


def test_two_complaints_stop_nobody(at_acme: Retailer, run: Run) -> None:
    heard(run, "complaint", 2)
    assert guards.look(run.pk) is None
    assert state(run)[0] == "running"


def test_whoever_resumes_it_has_seen_it(at_acme: Retailer, run: Run) -> None:
    heard(run, "complaint", 10)
    assert guards.look(run.pk) is not None
    run.refresh_from_db()
    configuration.resume(run)
    assert guards.look(run.pk) is None
    assert state(run) == ("running", "")


def test_the_worst_variant_is_named(at_acme: Retailer, run: Run) -> None:
    variant = "b"
    heard(run, "unsubscribe", 5, variant=variant)
    found = guards.look(run.pk)
    assert found is not None
    assert (found.what, found.step, found.variant, found.number) == ("unsubscribes", "first", "b", 5)
    assert found.messages == Message.objects.filter(run=run, step="first", variant="b").count()


def test_the_policy_says_how_much_is_borne(at_acme: Retailer, run: Run) -> None:
    Message.objects.filter(pk__in=Message.objects.filter(run=run).values("pk")[:12]).update(state="bounced")
    assert guards.look(run.pk) is None
    policies.save(at_acme, policy={"most_bounces": 0.04})
    found = guards.look(run.pk)
    assert found is not None
    assert (found.what, found.limit) == ("bounces", 0.04)


def test_messages_that_cannot_be_made_pause_it_within_their_batch(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(PEOPLE)
    Customer.objects.exclude(pk__in=Customer.objects.order_by("pk").values("pk")[:100]).update(attributes={"tier": "x"})
    factories.template("tiers", html=TIERS)
    step = {"key": "first", "channel": "email", "template": "tiers"}
    later = {"key": "later", "channel": "email", "template": "hello", "after": {"step": "first", "delay": "1d"}}
    made = configuration.launch(factories.campaign(steps=[step, later]), by="test", now=timezone.now())
    pipeline.work(seconds=30)
    errors = Message.objects.filter(run=made, state="failed").count()
    assert (errors, state(made)[0]) == (100, "paused")
    assert "could not be made" in state(made)[1]


def test_a_run_that_is_over_is_left_alone(at_acme: Retailer, run: Run) -> None:
    heard(run, "complaint", 10)
    configuration.cancel(run)
    assert guards.look(run.pk) is None
    assert state(run)[0] == "cancelled"
