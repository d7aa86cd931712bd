"""What providers may write has no end: whatever it is, it holds nobody up and breaks nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from campaigns.models import Consent, Customer, Suppression
from delivery import folding, pipeline
from delivery.models import Message, Provider, RawSignal, Signal
from delivery.providers import accounts
from tenants import context
from tenants.models import AgendaItem, Retailer
from tests.delivery.signals.posts import bounced, event, post, signed, told

HOSTILE = ("a\0b", "half \ud83d", "x" * 100_000, "\x7f\u202e", "1e999", "'); --")
LONG_AGO = "0001-01-01T00:00:00+14:00"
NEVER = "9999-12-31T23:59:59-12:00"
INSTANTS: tuple[Any, ...] = (LONG_AGO, NEVER, 10**30, -(10**18), float("1e308"), True, None, [], {"a": 1})
STOP = {"MessageSid": "SM1", "From": "+4915112345678", "Body": "STOP", "OptOutType": "STOP"}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_text_stops_what_comes_with_it(at_acme: Retailer, sent: list[Message], hostile: str) -> None:
    everywhere: dict[str, Any] = {
        "event": "failed", "severity": "permanent", "id": hostile, "timestamp": hostile, "recipient": hostile,
        "delivery-status": {"message": hostile}, "client-info": {"user-agent": hostile},
        "message": {"headers": {"message-id": hostile}}, "user-variables": {"bannerline": hostile},
    }  # fmt: skip
    of_a_message = {**event(at_acme, sent[1], "failed", hostile), "delivery-status": {"message": hostile}}
    told(at_acme, everywhere, of_a_message, {**everywhere, "event": hostile}, event(at_acme, sent[0], "delivered", "d"))
    assert set(RawSignal.objects.values_list("state", flat=True)) == {"folded"}
    sent[0].refresh_from_db()
    assert sent[0].state == "delivered"


def test_no_instant_is_outside_of_time(at_acme: Retailer, sent: list[Message]) -> None:
    told(at_acme, *[{**event(at_acme, sent[0], "complained", f"c{number}"), "timestamp": at}
                    for number, at in enumerate(INSTANTS)])  # fmt: skip
    assert set(RawSignal.objects.values_list("state", flat=True)) == {"folded"}
    found = list(Signal.objects.values_list("at", flat=True))
    assert len(found) == len(INSTANTS)
    assert all(timezone.now() - timedelta(minutes=5) < at <= timezone.now() for at in found)
    assert Consent.objects.get(is_granted=False).said_at > timezone.now() - timedelta(minutes=5)


def test_a_deep_document_is_no_document(at_acme: Retailer, sent: list[Message]) -> None:
    deep = b"[" * 200_000
    assert post(at_acme, deep).status_code == 403
    RawSignal.objects.create(provider="mailgun", body=deep)
    told(at_acme, event(at_acme, sent[0], "delivered", "d"))
    assert RawSignal.objects.get(state="refused").error.startswith("the body is not JSON")
    assert Signal.objects.count() == 1


def test_one_post_that_cannot_be_folded_is_refused_alone(
    at_acme: Retailer, sent: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is: here a fault of our own."""
    fold = folding.evidence.fold

    def faulty(message_ids: Any) -> int:
        ids = list(message_ids)
        if sent[1].pk in ids:
            raise KeyError("a fault")
        return fold(ids)

    monkeypatch.setattr(folding.evidence, "fold", faulty)
    told(at_acme, *[event(at_acme, each, "delivered", f"d{each.pk}") for each in sent])
    assert sorted(RawSignal.objects.values_list("state", flat=True)) == ["folded", "folded", "refused"]
    assert set(Signal.objects.values_list("message_id", flat=True)) == {sent[0].pk, sent[2].pk}
    assert not AgendaItem.objects.filter(kind=folding.AGENDA_KIND).exists()


def test_posts_of_an_account_that_cannot_be_opened_wait_for_its_repair(at_acme: Retailer, sent: list[Message]) -> None:
    assert post(at_acme, signed(event(at_acme, sent[0], "delivered", "d"))).status_code == 200
    kept = Provider.objects.get(key="mailgun")
    Provider.objects.filter(pk=kept.pk).update(settings={"nonsense": 1}, revision=kept.revision + 1)
    pipeline.work(seconds=20)
    assert RawSignal.objects.get().state == "new"
    Provider.objects.filter(pk=kept.pk).update(settings=kept.settings, revision=kept.revision + 2)
    RawSignal.objects.update(due_at=timezone.now())
    AgendaItem.objects.update(due_at=timezone.now())
    pipeline.work(seconds=20)
    assert RawSignal.objects.get().state == "folded"
    assert Signal.objects.get().kind == "delivered"


def test_old_posts_are_forgotten_and_what_waits_is_kept(at_acme: Retailer, sent: list[Message]) -> None:
    now = timezone.now()
    for state, age in (("folded", 29), ("folded", 27), ("refused", 29), ("refused", 92), ("new", 400)):
        RawSignal.objects.create(provider=f"{state}{age}", state=state, received_at=now - timedelta(days=age), body=b"")
    assert folding.forget_old(now=now) == 2
    assert set(RawSignal.objects.values_list("provider", flat=True)) == {"folded27", "refused29", "new400"}
    assert folding.forget_old(now=now) == 0


def texts(*fields: dict[str, str]) -> None:
    for each in fields:
        RawSignal.objects.create(provider="twilio", body=urlencode(each).encode())
    folding.advance(context.current(), now=timezone.now() + timedelta(seconds=5))


@pytest.fixture
def texted(at_acme: Retailer, sent: list[Message]) -> Customer:
    """Somebody who got a text message, and an account that tells of answers."""
    accounts.save({
        "key": "twilio", "channel": "sms", "kind": "twilio",
        "settings": {"account_sid": "AC" + "0" * 32, "sender": "+4930123456"}, "credentials": {"auth_token": "t"},
    })  # fmt: skip
    Message.objects.filter(pk=sent[0].pk).update(channel="sms")
    Customer.objects.filter(pk=sent[0].customer_id).update(phone=STOP["From"])
    return Customer.objects.get(pk=sent[0].customer_id)


def test_a_stop_that_the_provider_understood_is_handled_once_and_well(texted: Customer) -> None:
    texts(STOP, STOP)
    assert Suppression.objects.get().address == STOP["From"]
    assert Consent.objects.get(customer=texted, is_granted=False, is_current=True).channel == "sms"
    assert Signal.objects.get().kind == "unsubscribe"
    assert AgendaItem.objects.filter(kind="guard").count() == 1
    texts({**STOP, "MessageSid": "SM2", "Body": "START", "OptOutType": "START"})
    assert not Suppression.objects.exists()
    texts(STOP)  # told again, late
    assert not Suppression.objects.exists()


def test_a_start_that_is_told_again_takes_no_later_stop_back(texted: Customer) -> None:
    start = {**STOP, "MessageSid": "SM2", "Body": "START", "OptOutType": "START"}
    texts(STOP)
    texts(start)
    assert not Suppression.objects.exists()
    texts({**STOP, "MessageSid": "SM3"})
    texts(start)  # told again, late
    assert Suppression.objects.get().address == STOP["From"]
    assert not Consent.objects.get(customer=texted, channel="sms", is_current=True).is_granted


def test_the_last_word_counts_among_posts_that_are_folded_together(texted: Customer) -> None:
    start = {**STOP, "Body": "START", "OptOutType": "START"}
    texts({**start, "MessageSid": "SM2"}, {**STOP, "MessageSid": "SM3"})
    assert Suppression.objects.exists()
    texts({**STOP, "MessageSid": "SM4"}, {**start, "MessageSid": "SM5"})
    assert not Suppression.objects.exists()


def test_an_answer_of_no_number_holds_nobody_up(texted: Customer) -> None:
    texts({**STOP, "From": "40404"}, {**STOP, "From": "shop\0"}, {"MessageSid": "SM9", "From": "x", "Body": "stop\0"})
    assert set(RawSignal.objects.values_list("state", flat=True)) == {"folded"}
    assert not Suppression.objects.exists()


def test_a_bounce_names_the_address_it_is_of(at_acme: Retailer, sent: list[Message]) -> None:
    told(at_acme, bounced(at_acme, sent[0], "b", recipient="no address at all"))
    assert not Suppression.objects.exists()
