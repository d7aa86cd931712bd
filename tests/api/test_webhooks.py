"""Integrators are told what happens: signed, again and again until they have it, and never from inside a network."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from campaigns import configuration
from campaigns.models import Customer
from delivery import identity, notices, notifying, pipeline
from delivery.channels import standard_webhooks
from delivery.channels.memory import MemoryChannel
from delivery.channels.signals import Forged
from delivery.models import Message, Notice, Subscription
from tenants import context
from tenants.accounts.models import Scope
from tenants.models import AgendaItem, Retailer
from tests import factories
from tests.api.caller import Api, problem
from tests.channels.servers import Asked, serving
from tests.delivery.signals import posts

ALL = ["message.delivered", "message.bounced", "customer.unsubscribed", "run.started", "run.completed"]


class Receiver:
    """An integrator's own server: answers `status`, and keeps what it was told."""

    def __init__(self) -> None:
        self.status, self.asked, self.url = 200, list[Asked](), ""

    def answer(self, asked: Asked) -> tuple[int, bytes]:
        self.asked.append(asked)
        return self.status, b""

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(asked.body) for asked in self.asked]


@pytest.fixture
def receiver(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Whoever fails is left alone for longer than any test takes, however busy the machine is."""
    settings.ALLOW_PRIVATE_ADDRESSES = True
    monkeypatch.setattr(notifying, "PAUSES", (600,))
    found = Receiver()
    with serving(found.answer) as found.url:
        yield found


@pytest.fixture
def sent(acme: Retailer, outbox: MemoryChannel) -> list[Message]:
    with context.in_retailer(acme):
        factories.customers(2)
        configuration.launch(factories.campaign(), by="test", now=timezone.now())
        pipeline.work(seconds=20)
        posts.provider()
        return list(Message.objects.order_by("pk"))


def made(api: Api, url: str, **more: Any) -> dict[str, Any]:
    answer = api.post("webhooks/", {"key": "crm", "url": url + "/hook", "events": ALL, **more})
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def happen(acme: Retailer, message: Message, what: str = "delivered", name: str = "e1") -> None:
    assert posts.post(acme, posts.signed(posts.event(acme, message, what, name))).status_code == 200
    work(acme)


def work(acme: Retailer) -> None:
    with context.in_retailer(acme):
        pipeline.work(seconds=20)


def later(acme: Retailer) -> None:
    """All pauses are over."""
    with context.in_retailer(acme):
        Subscription.objects.update(resting_until=None)
        Notice.objects.update(due_at=timezone.now())
        AgendaItem.objects.filter(kind=notices.AGENDA_KIND).update(due_at=timezone.now())
        pipeline.work(seconds=20)


def test_what_happens_is_told_signed(acme: Retailer, api: Api, receiver: Receiver, sent: list[Message]) -> None:
    secret = made(api, receiver.url)["secret"]
    happen(acme, sent[0])
    (asked,) = receiver.asked
    standard_webhooks.verify(secret, {name.lower(): value for name, value in asked.headers.items()}, asked.body)
    with pytest.raises(Forged):
        standard_webhooks.verify(secret, {k.lower(): v for k, v in asked.headers.items()}, asked.body + b" ")
    (told,) = receiver.told
    with context.in_retailer(acme):
        customer = Customer.objects.get(pk=sent[0].customer_id).external_id
    assert told["type"] == "message.delivered"
    assert told["data"] == {
        "message": identity.public_id(acme, sent[0].pk), "campaign": "welcome", "run": sent[0].run_id,
        "step": sent[0].step, "variant": sent[0].variant, "channel": "email", "customer": customer,
    }  # fmt: skip


def test_the_same_event_is_told_once(acme: Retailer, api: Api, receiver: Receiver, sent: list[Message]) -> None:
    made(api, receiver.url)
    for _ in range(3):
        happen(acme, sent[0])
    assert len(receiver.asked) == 1


def test_only_what_was_asked_for_is_told(acme: Retailer, api: Api, receiver: Receiver, sent: list[Message]) -> None:
    made(api, receiver.url, events=["message.bounced"])
    happen(acme, sent[0])
    assert receiver.asked == []


def test_a_run_s_beginning_and_end_are_told(
    acme: Retailer, api: Api, receiver: Receiver, outbox: MemoryChannel
) -> None:
    made(api, receiver.url)
    with context.in_retailer(acme):
        factories.customers(1)
        configuration.launch(factories.campaign(), by="test", now=timezone.now())
    work(acme)
    later(acme)
    assert [(told["type"], told["data"]["campaign"]) for told in receiver.told] == [
        ("run.started", "welcome"),
        ("run.completed", "welcome"),
    ]


def test_a_receiver_that_fails_is_told_later_under_the_same_id(
    acme: Retailer, api: Api, receiver: Receiver, sent: list[Message]
) -> None:
    made(api, receiver.url)
    receiver.status = 503
    happen(acme, sent[0])
    happen(acme, sent[1], name="e2")
    assert len(receiver.asked) == 1  # who fails is left alone, whatever else there is to tell
    assert api.get("webhooks/crm/").json()["error"] == "it answered 503"
    receiver.status = 204
    later(acme)
    ids = [asked.headers["webhook-id"] for asked in receiver.asked]
    assert len(ids) == 3
    assert ids[1] == ids[0] != ids[2]
    assert api.get("webhooks/crm/").json()["error"] == ""
    states = [each["state"] for each in api.get("webhooks/crm/deliveries/").json()["results"]]
    assert states == ["delivered", "delivered"]


def test_after_three_days_it_is_given_up_and_can_be_told_again(
    acme: Retailer, api: Api, receiver: Receiver, sent: list[Message]
) -> None:
    made(api, receiver.url)
    receiver.status = 500
    happen(acme, sent[0])
    with context.in_retailer(acme):
        Notice.objects.update(waiting_since=timezone.now() - timedelta(hours=72))
    later(acme)
    assert api.get("webhooks/crm/deliveries/?state=failed").json()["results"][0]["status"] == 500
    receiver.status = 200
    since = (timezone.now() - timedelta(days=1)).isoformat()
    with context.in_retailer(acme):
        Subscription.objects.update(resting_until=None)
    assert api.post("webhooks/crm/replay/", {"since": since}).json() == {"replayed": 1}
    work(acme)
    assert len({asked.headers["webhook-id"] for asked in receiver.asked}) == 1
    assert api.get("webhooks/crm/deliveries/?state=failed").json()["results"] == []


def test_gone_is_gone(acme: Retailer, api: Api, receiver: Receiver, sent: list[Message]) -> None:
    made(api, receiver.url)
    receiver.status = 410
    happen(acme, sent[0])
    told = api.get("webhooks/crm/").json()
    assert not told["is_active"]
    assert "gone" in told["error"]
    receiver.status = 200
    assert api.patch("webhooks/crm/", {"is_active": True}).json()["error"] == ""
    later(acme)
    assert len(receiver.asked) == 2


def test_a_redirect_is_not_followed(acme: Retailer, api: Api, receiver: Receiver, sent: list[Message]) -> None:
    made(api, receiver.url)
    receiver.status = 302
    happen(acme, sent[0])
    assert len(receiver.asked) == 1
    assert api.get("webhooks/crm/deliveries/").json()["results"][0]["state"] == "waiting"


def test_a_new_secret_signs_from_then_on(acme: Retailer, api: Api, receiver: Receiver, sent: list[Message]) -> None:
    old = made(api, receiver.url)["secret"]
    new = api.post("webhooks/crm/rotate/").json()["secret"]
    assert api.post("webhooks/crm/test/").status_code == 202
    work(acme)
    (asked,) = receiver.asked
    given = {name.lower(): value for name, value in asked.headers.items()}
    standard_webhooks.verify(new, given, asked.body)
    with pytest.raises(Forged):
        standard_webhooks.verify(old, given, asked.body)
    assert receiver.told[0]["type"] == "webhook.test"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "http://crm.example/"}, "url"),
        ({"url": "https://user:secret@crm.example/"}, "url"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"url": 7}, "url"),
        ({"events": []}, "events"),
        ({"events": ["message.read"]}, "events"),
        ({"events": [[]]}, "events"),
        ({"key": "No Spaces"}, "key"),
        ({"secret": "short"}, "secret"),
        ({"is_active": "yes"}, "is_active"),
        ({"headers": {}}, "headers"),
    ],
)
def test_what_cannot_work_is_refused_by_name(
    settings: Settings, api: Api, acme: Retailer, change: dict[str, Any], field: str
) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = False
    good = {"key": "crm", "url": "https://crm.example/hook", "events": ALL}
    status, errors = problem(api.post("webhooks/", good | change))
    assert (status, {name for name, _ in errors}) == (400, {field})
    with context.in_retailer(acme):
        assert not Subscription.objects.exists()


def test_an_address_inside_the_network_is_never_called(
    settings: Settings, acme: Retailer, api: Api, receiver: Receiver, sent: list[Message]
) -> None:
    made(api, receiver.url)
    settings.ALLOW_PRIVATE_ADDRESSES = False
    happen(acme, sent[0])
    assert receiver.asked == []
    assert "https://" in api.get("webhooks/crm/").json()["error"]


def test_only_a_full_key_may_and_the_secret_is_told_once(
    acme: Retailer, globex: Retailer, api: Api, api_of: Callable[..., Api], receiver: Receiver
) -> None:
    body = {"key": "crm", "url": receiver.url, "events": ALL}
    assert api_of(acme, Scope.WRITE).post("webhooks/", body).status_code == 403
    made(api, receiver.url)
    assert "secret" not in api.get("webhooks/crm/").json()
    assert "secret" not in api.get("webhooks/").json()["results"][0]
    assert api_of(globex).get("webhooks/crm/").status_code == 404
    assert api.delete("webhooks/crm/").status_code == 204
    assert api.get("webhooks/").json()["results"] == []
