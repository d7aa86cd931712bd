"""Tests of a campaign: marked, counted nowhere, bounded, and harmless to whoever follows their links."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from campaigns import configuration, suppressions
from campaigns.models import Campaign, SeedList, Suppression
from delivery import trial
from delivery.channels.base import ChannelUnavailable, Envelope, Outbound, Outcome
from delivery.channels.email.mime import Skeleton
from delivery.channels.memory import MemoryChannel
from delivery.models import Message, Provider
from tenants import stops
from tenants.accounts.models import AuditEntry
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api

STEPS = [
    {
        "key": "first",
        "channel": "email",
        "template": "hello",
        "variants": [{"key": "a"}, {"key": "b", "subject": "Welcome, {{ customer.first_name | default('you') }}"}],
    },
    {"key": "second", "channel": "email", "template": "hello", "after": {"step": "first", "delay": "2d"}},
]


@pytest.fixture
def api(acme: Retailer, api_key: Callable[..., str]) -> Api:
    return Api(acme, api_key(acme))


@pytest.fixture
def welcome(at_acme: Retailer) -> Campaign:
    factories.customers(1, first_name="Zoë")
    return factories.campaign(steps=STEPS)


def test_every_step_and_variant_goes_to_everybody_named_marked_as_a_test(
    welcome: Campaign, api: Api, outbox: MemoryChannel
) -> None:
    SeedList.objects.create(key="colleagues", name="Colleagues", addresses=["bo@acme.test", "ana@acme.test"])
    body = {"to": ["Ana@Acme.test"], "seed_list": "colleagues", "customer": "c1"}
    answer = api.post("campaigns/welcome/test/", body)
    assert answer.status_code == 200, answer.json()
    told = {(each["step"], each["variant"], each["to"], each["result"]) for each in answer.json()["sent"]}
    people = ("ana@acme.test", "bo@acme.test")
    kinds = (("first", "a"), ("first", "b"), ("second", "a"))
    assert told == {(step, variant, to, "accepted") for step, variant in kinds for to in people}
    sent = outbox.sent
    assert {message.subject for message in sent} == {"[Test] Hello Zoë", "[Test] Welcome, Zoë"}
    assert all(message.headers["X-Bannerline-Test"] == "1" for message in sent)
    assert not Message.objects.exists()
    entry = AuditEntry.objects.get(action="test")
    assert (entry.key, entry.after) == ("welcome", {"messages": 6, "addresses": 2})


def test_mark_is_written_into_the_message_itself(welcome: Campaign, api: Api, outbox: MemoryChannel) -> None:
    api.post("campaigns/welcome/test/", {"to": ["ana@acme.test"], "variants": ["b"]})
    [message] = outbox.sent
    envelope = Envelope("hello@acme.test", "Acme", "hello@acme.test")
    data = Skeleton(envelope, date=timezone.now(), eight_bit=True).fill(message)
    assert b"\r\nX-Bannerline-Test: 1\r\n" in data
    assert b"\r\nSubject: [Test] Welcome, Ana\r\n" in data


def test_links_of_a_test_change_nothing(welcome: Campaign, api: Api, acme: Retailer, outbox: MemoryChannel) -> None:
    api.post("campaigns/welcome/test/", {"to": ["c1@example.test"], "customer": "c1", "variants": ["b"]})
    [message] = outbox.sent
    [link] = set(re.findall(r'href="([^"]+)"', html.unescape(message.html)))
    assert message.headers["List-Unsubscribe"] == f"<{link}>"
    reader = Client(headers={"host": "acme.localhost"})
    path = re.sub(r"^https?://[^/]+", "", link)
    for answer in (reader.get(path), reader.post(path, {"List-Unsubscribe": "One-Click"})):
        assert answer.status_code == 200
        assert "This was a test" in answer.content.decode()
    assert not Suppression.objects.exists()


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({}, "to", "at least one"),
        ({"to": ["nobody"]}, "to.0", "nobody"),
        ({"to": [f"a{n}@acme.test" for n in range(51)]}, "to", "no more than 50 elements"),
        ({"to": ["a@acme.test"], "seed_list": "none"}, "seed_list", "there is no seed list"),
        ({"to": ["a@acme.test"], "customer": "c99"}, "customer", "unknown"),
        ({"to": ["a@acme.test"], "variants": ["z"]}, "variants", "no step"),
        ({"to": ["gone@acme.test"]}, "to", "suppressed"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_its_field(
    welcome: Campaign, api: Api, outbox: MemoryChannel, body: dict[str, object], field: str, words: str
) -> None:
    for address, reason in (("gone@acme.test", "hard_bounce"), ("left@acme.test", "unsubscribed")):
        suppressions.add(channel="email", address=address, reason=reason, source="test")
    answer = api.post("campaigns/welcome/test/", body)
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["field"]) == (400, field)
    assert words in error["message"]
    assert outbox.sent == []
    assert api.post("campaigns/welcome/test/", {"to": ["left@acme.test"]}).status_code == 200


def test_hour_has_a_bound(welcome: Campaign, api: Api, outbox: MemoryChannel) -> None:
    many = {"to": [f"a{n}@acme.test" for n in range(50)], "variants": ["b"]}
    for _ in range(trial.PER_HOUR // 50):
        assert api.post("campaigns/welcome/test/", many).status_code == 200
    refused = api.post("campaigns/welcome/test/", {"to": ["a@acme.test"], "variants": ["b"]})
    assert "200 tests that an hour allows" in refused.json()["errors"][0]["message"]
    AuditEntry.objects.filter(action="test").update(at=timezone.now() - timedelta(hours=1, seconds=1))
    assert api.post("campaigns/welcome/test/", {"to": ["a@acme.test"]}).status_code == 200


def test_what_went_is_told_and_counted_when_a_later_step_is_refused(
    welcome: Campaign, api: Api, outbox: MemoryChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = outbox.send

    def once_only(envelope: Envelope, batch: Sequence[Outbound], *, seconds: float) -> Sequence[Outcome]:
        if outbox.sent:
            raise ChannelUnavailable("429 slow down", retry_after=60)
        return send(envelope, batch, seconds=seconds)

    monkeypatch.setattr(outbox, "send", once_only)
    for _ in range(2):  # and asked again with the same key it is not sent again
        answer = api.post("campaigns/welcome/test/", {"to": ["ana@acme.test"]}, idempotency_key="one")
        assert answer.status_code == 200
        told = [(each["step"], each["result"], each["detail"]) for each in answer.json()["sent"]]
        assert told[:2] == [("first", "accepted", "kept in memory")] * 2
        assert told[2:] == [("second", "unsent", "429 slow down")]
    assert len(outbox.sent) == 2
    assert AuditEntry.objects.get(action="test").after == {"messages": 3, "addresses": 1}
    refused = api.post("campaigns/welcome/test/", {"to": ["ana@acme.test"]}, idempotency_key="two")
    assert refused.status_code == 503


@pytest.mark.parametrize("whose", ["retailer", "platform"])
def test_none_goes_while_sending_is_stopped(
    welcome: Campaign, api: Api, acme: Retailer, outbox: MemoryChannel, whose: str
) -> None:
    stopped = acme if whose == "retailer" else None
    api.post("providers/", {"key": "memory", "channel": "sms", "kind": "memory"})
    stops.stop(stopped, reason="wrong prices")
    for path, body in (
        ("campaigns/welcome", {"to": ["ana@acme.test"]}),
        ("providers/memory", {"to": "+4915112345678"}),
    ):
        refused = api.post(f"{path}/test/", body)
        assert (refused.status_code, "wrong prices" in refused.json()["detail"]) == (503, True)
    assert not outbox.sent
    stops.lift(stopped)
    assert api.post("campaigns/welcome/test/", {"to": ["ana@acme.test"]}).status_code == 200


def test_tests_of_providers_count_to_the_same_bound(
    welcome: Campaign, api: Api, acme: Retailer, marketer: Callable[[Retailer], Client], outbox: MemoryChannel
) -> None:
    api.post("providers/", {"key": "memory", "channel": "sms", "kind": "memory"})
    path, body = "providers/memory/test/", {"to": "+4915112345678"}
    many = {"to": [f"a{n}@acme.test" for n in range(49)], "variants": ["b"]}
    for _ in range(4):
        assert api.post("campaigns/welcome/test/", many).status_code == 200
        assert api.post(path, body).status_code == 200
    refused = api.post(path, body)
    assert (refused.status_code, "an hour allows" in refused.json()["errors"][0]["message"]) == (400, True)
    page = f"/admin/delivery/provider/{Provider.objects.get().pk}/test/"
    assert "an hour allows" in marketer(acme).post(page, body, follow=True).content.decode()


def test_person_without_what_the_message_names_is_said(welcome: Campaign, api: Api, outbox: MemoryChannel) -> None:
    steps = [
        {
            "key": "first",
            "channel": "email",
            "template": "hello",
            "variants": [{"key": "a", "subject": "{{ customer.city }}"}],
        }
    ]
    configuration.save_draft(factories.config(steps=steps), campaign=welcome)
    factories.customers(1, first=7, city="")
    answer = api.post("campaigns/welcome/test/", {"to": ["a@acme.test"], "customer": "c7"})
    assert answer.json()["errors"][0]["field"] == "customer"
    assert "customer.city" in answer.json()["errors"][0]["message"]


def test_page_sends_to_whoever_is_named_or_to_oneself(
    welcome: Campaign, acme: Retailer, marketer: Callable[[Retailer], Client], outbox: MemoryChannel
) -> None:
    ana, path = marketer(acme), f"/admin/campaigns/campaign/{welcome.pk}/test/"
    assert "Each address gets 3 messages" in ana.get(path).content.decode()
    done = ana.post(path, {}, follow=True)
    assert "3 test messages, as " in done.content.decode()
    assert {message.recipient for message in outbox.sent} == {"admin@acme.example"}
    outbox.sent.clear()
    wrong = ana.post(path, {"to": "bo@acme.test, nobody"})
    assert "No test was sent" in wrong.content.decode()
    assert "bo@acme.test, nobody" in wrong.content.decode()
    ana.post(path, {"to": "bo@acme.test\ncleo@acme.test"})
    assert len(outbox.sent) == 6


def test_seed_lists_are_kept_by_api_and_page(acme: Retailer, api: Api, marketer: Callable[[Retailer], Client]) -> None:
    body = {"key": "seeds", "name": "Seeds", "addresses": ["Ana@Acme.test", "ana@acme.test", "bo@acme.test"]}
    made = api.post("seedlists/", body)
    assert (made.status_code, made.json()["addresses"]) == (201, ["ana@acme.test", "bo@acme.test"])
    assert api.patch("seedlists/seeds/", {"addresses": ["nobody"]}).json()["errors"][0]["field"] == "addresses.0"
    assert api.put("seedlists/seeds/", body | {"addresses": ["cleo@acme.test"]}).status_code == 200
    assert [each["key"] for each in api.get("seedlists/").json()["results"]] == ["seeds"]
    ana = marketer(acme)
    page = ana.post("/admin/campaigns/seedlist/add/", {"name": "More", "key": "more", "addresses": "x\ny@acme.test"})
    assert "“x”" in page.content.decode()
    ana.post("/admin/campaigns/seedlist/add/", {"name": "More", "key": "more", "addresses": "z@acme.test\ny@acme.test"})
    assert api.get("seedlists/more/").json()["addresses"] == ["z@acme.test", "y@acme.test"]
    assert api.delete("seedlists/more/").status_code == 204
