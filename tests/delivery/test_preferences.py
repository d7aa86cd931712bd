"""What a recipient decides by the link in a message, and the proof that stays of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from campaigns import configuration, consents, ingest, suppressions
from campaigns.consents import Statement
from campaigns.models import Customer, Facts, Suppression
from delivery import identity, pipeline, timeline
from delivery.channels.memory import MemoryChannel
from delivery.models import Message
from tenants import context
from tenants.models import Retailer
from tests import factories

Press = Callable[..., Any]


@pytest.fixture
def cleo(at_acme: Retailer, outbox: MemoryChannel) -> Customer:
    """Somebody who came with consent and got a message."""
    row = {"external_id": "cleo", "email": "cleo@example.test", "consent_email": True}
    ingest.upsert_customers([row], now=timezone.now(), source="import people.csv")
    configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.work(seconds=20)
    return Customer.objects.get()


@pytest.fixture
def press(cleo: Customer, at_acme: Retailer) -> Press:
    """Follows the link in Cleo's message and presses its button."""
    token = identity.Signer(at_acme, "message").token(Message.objects.get(customer_id=cleo.pk).pk)
    browser = Client(headers={"host": "acme.localhost"}, enforce_csrf_checks=True)

    def answer(**form: str) -> str:
        response = browser.post(f"/u/{token}", form)
        assert response.status_code == 200
        context.enter(at_acme)
        return str(response.content.decode())

    return answer


def proof(customer: Customer) -> list[tuple[Any, ...]]:
    said = consents.history(customer).values_list("is_granted", "is_current", "source", "by")
    return list(said)[::-1]


def test_unsubscribing_and_coming_back_each_leave_a_proof(cleo: Customer, press: Press) -> None:
    press(**{"List-Unsubscribe": "One-Click"})
    assert proof(cleo)[1:] == [(False, True, "link in a message", "customer")]
    assert (Facts.objects.get().consent_email, Facts.objects.get().suppressed_email) == (False, True)
    assert "gets e-mail" in press(undo="1")
    assert proof(cleo)[1:] == [
        (False, False, "link in a message", "customer"), (True, True, "link in a message", "customer")
    ]  # fmt: skip
    assert (Facts.objects.get().consent_email, Facts.objects.get().suppressed_email) == (True, False)
    told = [(each["what"], each["said"]) for each in timeline.page(cleo, show="consents").entries]
    assert told[:2] == [
        ("Agreed to E-mail", "link in a message · recorded by customer"),
        ("Took back E-mail", "link in a message · recorded by customer"),
    ]


def test_a_link_that_is_followed_again_says_nothing_new(cleo: Customer, press: Press) -> None:
    for _ in range(3):
        press()
    assert len(proof(cleo)) == 2
    assert Suppression.objects.count() == 1


def test_the_file_from_before_does_not_bring_the_consent_back(cleo: Customer, press: Press) -> None:
    press()
    row = {"external_id": "cleo", "email": "cleo@example.test", "consent_email": True}
    [result] = ingest.upsert_customers([row], now=timezone.now(), source="import people.csv")
    assert result.status == "unchanged"
    suppressions.remove(channel="email", address=cleo.email)
    assert not Facts.objects.get().consent_email


def test_coming_back_takes_no_bounce_off_the_list(cleo: Customer, press: Press) -> None:
    suppressions.add(channel="email", address=cleo.email, reason="hard_bounce", source="test")
    assert "is unsubscribed" in press(undo="1")
    assert Suppression.objects.get().reason == "hard_bounce"


def test_the_household_gets_nothing_more_and_only_who_pressed_took_it_back(cleo: Customer, press: Press) -> None:
    [other] = factories.customers(1, email=cleo.email)
    consents.say(other, [Statement("email", "", True, timezone.now(), "till")], by="test")
    press()
    assert list(Facts.objects.order_by("pk").values_list("consent_email", "suppressed_email")) == [
        (False, True), (True, True)
    ]  # fmt: skip
    assert len(proof(other)) == 1
