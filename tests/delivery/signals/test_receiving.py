"""What providers post is proved, kept, and folded into what is true of a message, whatever its order."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import configuration, consents
from campaigns.consents import Statement
from campaigns.models import Consent, Customer, Suppression
from delivery import folding, pipeline
from delivery.channels.memory import MemoryChannel
from delivery.models import Message, RawSignal, Signal
from tenants.models import AgendaItem, Retailer
from tests import factories, statements
from tests.api.caller import problem
from tests.delivery.signals import posts
from tests.delivery.signals.posts import bounced, event, post, signed, told


def state(message: Message) -> tuple[str, str]:
    message.refresh_from_db()
    return message.state, message.reason


def test_a_delivery_is_told_once_however_often_it_is_posted(at_acme: Retailer, sent: list[Message]) -> None:
    told(at_acme, *[event(at_acme, sent[0], "delivered", "d1")] * 46)
    assert state(sent[0]) == ("delivered", "")
    assert [(signal.kind, signal.source) for signal in Signal.objects.all()] == [("delivered", "mailgun")]
    assert set(RawSignal.objects.values_list("state", flat=True)) == {"folded"}
    assert RawSignal.objects.count() == 46
    assert not AgendaItem.objects.filter(kind=folding.AGENDA_KIND).exists()


def test_a_hard_bounce_ends_it_for_the_address(at_acme: Retailer, sent: list[Message]) -> None:
    told(at_acme, bounced(at_acme, sent[0], "b1", recipient="customer1@example.com"))
    assert state(sent[0]) == ("bounced", "550 no such user")
    (found,) = Suppression.objects.all()
    assert (found.channel, found.address, found.reason, found.source) == (
        "email",
        "customer1@example.com",
        "hard_bounce",
        "provider mailgun",
    )


def test_a_complaint_ends_it_and_is_the_person_s_own_word(at_acme: Retailer, sent: list[Message]) -> None:
    told(at_acme, event(at_acme, sent[1], "complained", "c1"))
    assert state(sent[1]) == ("delivered", "")
    assert Suppression.objects.get().reason == "complaint"
    said = Consent.objects.get(customer_id=sent[1].customer_id, is_current=True, is_granted=False)
    assert (said.channel, said.source) == ("email", "provider mailgun: complaint")


def test_of_several_complaints_of_one_person_the_latest_is_their_word(at_acme: Retailer, sent: list[Message]) -> None:
    customer = Customer.objects.get(pk=sent[1].customer_id)
    now = timezone.now()
    consents.say(customer, [Statement("email", "", True, now - timedelta(hours=2), source="a till")], by="test")
    for number, hours in enumerate((1, 3, 1)):
        at = (now - timedelta(hours=hours)).timestamp()
        RawSignal.objects.create(
            provider="mailgun", body=signed(event(at_acme, sent[1], "complained", f"c{number}", timestamp=at))
        )
    while folding.advance(at_acme, now=timezone.now()):
        pass
    said = Consent.objects.filter(customer=customer, channel="email", topic="").order_by("said_at")
    assert [(each.is_granted, each.is_current) for each in said] == [(True, False), (False, True)]
    customer.refresh_from_db()
    assert not customer.consent_email


def test_many_complaints_take_as_many_statements_as_a_few(at_acme: Retailer, outbox: MemoryChannel) -> None:
    people = 33
    factories.customers(people)
    configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.work(seconds=20)
    posts.provider()
    messages = list(Message.objects.order_by("pk"))
    asked = []
    for some in (messages[:1], messages[1:4], messages[4:]):
        RawSignal.objects.bulk_create(
            RawSignal(provider="mailgun", body=signed(_complaint(at_acme, message))) for message in some
        )
        with CaptureQueriesContext(connection) as captured:
            folding.advance(at_acme, now=timezone.now())
        asked.append(len(statements.of(captured)))
    assert asked[1] == asked[2]
    assert Consent.objects.filter(is_current=True, is_granted=False, channel="email").count() == people
    assert not Customer.objects.filter(consent_email=True).exists()


def _complaint(retailer: Retailer, message: Message) -> dict[str, Any]:
    return event(retailer, message, "complained", f"c{message.pk}", recipient=f"p{message.pk}@example.com")


def test_soft_bounces_end_it_when_nothing_arrives_in_between(at_acme: Retailer, sent: list[Message]) -> None:
    Message.objects.update(customer_id=sent[0].customer_id)
    again = [_another(sent[0], number) for number in range(4)]
    told(at_acme, *[bounced(at_acme, each, f"s{each.pk}", hard=False) for each in [*sent[:2], *again[:2]]])
    assert not Suppression.objects.exists()
    told(at_acme, bounced(at_acme, sent[2], "s5", hard=False))
    assert Suppression.objects.get().source == "provider soft bounces"


def test_a_good_delivery_forgives_soft_bounces(at_acme: Retailer, sent: list[Message]) -> None:
    Message.objects.update(customer_id=sent[0].customer_id)
    again = [_another(sent[0], number) for number in range(4)]
    told(at_acme, *[bounced(at_acme, each, f"s{each.pk}", hard=False) for each in [*sent[:2], *again[:2]]])
    told(at_acme, event(at_acme, again[2], "delivered", "d"), bounced(at_acme, sent[2], "s5", hard=False))
    assert not Suppression.objects.exists()


def _another(message: Message, number: int) -> Message:
    """To the same person, by another step."""
    return Message.objects.create(
        run_id=message.run_id, batch_id=message.batch_id, member_id=message.member_id, channel="email",
        customer_id=message.customer_id, step=f"later-{number}", variant="a", position=100 + number,
        send_at=message.send_at, state="accepted",
    )  # fmt: skip


def test_any_order_of_any_events_leaves_the_same_state(at_acme: Retailer, sent: list[Message]) -> None:
    documents = [
        event(at_acme, sent[0], "opened", "o"),
        event(at_acme, sent[0], "delivered", "d"),
        bounced(at_acme, sent[0], "soft", hard=False),
        event(at_acme, sent[0], "complained", "c"),
        bounced(at_acme, sent[1], "soft1", hard=False),
        bounced(at_acme, sent[2], "hard2"),
        event(at_acme, sent[2], "clicked", "k2"),
    ]
    wanted = {sent[0].pk: "delivered", sent[1].pk: "bounced", sent[2].pk: "bounced"}
    chance = random.Random(5)
    for _ in range(12):
        chance.shuffle(documents)
        Signal.objects.all().delete()
        Message.objects.update(state="accepted", reason="")
        for number in range(1, 1 + chance.randrange(1, 4)):
            told(at_acme, *documents[: len(documents) // number])
        told(at_acme, *documents)
        assert dict(Message.objects.values_list("pk", "state")) == wanted
        assert Signal.objects.count() == len(documents)


def test_what_nobody_knew_is_known_by_what_comes_back(at_acme: Retailer, sent: list[Message]) -> None:
    Message.objects.filter(pk=sent[0].pk).update(state="unknown", reason="no answer")
    told(at_acme, event(at_acme, sent[0], "delivered", "d"))
    assert state(sent[0]) == ("delivered", "")


def test_what_is_told_before_the_hand_over_is_written_down_waits(at_acme: Retailer, sent: list[Message]) -> None:
    Message.objects.filter(pk=sent[0].pk).update(state="queued")
    told(at_acme, event(at_acme, sent[0], "delivered", "d"))
    assert state(sent[0])[0] == "queued"
    Message.objects.filter(pk=sent[0].pk).update(state="accepted")
    RawSignal.objects.update(due_at=timezone.now())
    AgendaItem.objects.update(due_at=timezone.now())
    pipeline.work(seconds=20)
    assert state(sent[0])[0] == "delivered"


def test_forged_posts_leave_nothing(at_acme: Retailer, globex: Retailer, sent: list[Message]) -> None:
    document = event(at_acme, sent[0], "delivered", "d")
    for body in (signed(document, key="guessed"), b"", b"[]", b"{", b"\xff\x00", b'{"signature": 3}'):
        answer = post(at_acme, body)
        assert answer.status_code == 403, body
        assert answer.json()["errors"][0]["message"]
    assert post(at_acme, signed(document), key="nobody").status_code == 404
    assert post(globex, signed(document)).status_code == 404
    assert post(at_acme, b" " * (2 * 1024 * 1024 + 1)).status_code == 413
    assert not RawSignal.objects.exists()


@pytest.mark.parametrize("length", ["many", "-1", "1.5", "0x10", "٣", "1 2"])
def test_a_length_that_is_no_number_is_named(at_acme: Retailer, sent: list[Message], length: str) -> None:
    answer = post(at_acme, signed(event(at_acme, sent[0], "delivered", "d")), CONTENT_LENGTH=length)
    assert problem(answer) == (400, [("Content-Length", "invalid")])
    assert not RawSignal.objects.exists()


def test_another_retailer_s_message_is_nobody_s_here(at_acme: Retailer, globex: Retailer, sent: list[Message]) -> None:
    told(at_acme, event(globex, sent[0], "delivered", "d"), bounced(at_acme, Message(pk=10**9), "b"))
    assert state(sent[0])[0] == "accepted"
    assert not Signal.objects.exists()
    assert set(RawSignal.objects.values_list("state", flat=True)) == {"folded"}


def test_a_secret_in_a_header_is_not_kept(at_acme: Retailer, sent: list[Message]) -> None:
    post(at_acme, signed(event(at_acme, sent[0], "delivered", "d")))
    kept = RawSignal.objects.get().headers
    assert not {"authorization", "cookie"} & set(kept)
    assert kept["content-type"] == "application/json"


def test_what_cannot_be_read_says_why_and_holds_nobody_up(at_acme: Retailer, sent: list[Message]) -> None:
    RawSignal.objects.create(provider="gone", body=b"{}")
    RawSignal.objects.create(provider="mailgun", body=b"{}")
    told(at_acme, event(at_acme, sent[0], "delivered", "d"))
    assert state(sent[0])[0] == "delivered"
    assert dict(RawSignal.objects.filter(state="refused").values_list("provider", "error")) == {
        "gone": "there is no provider 'gone' any more",
        "mailgun": "there is no event-data",
    }
