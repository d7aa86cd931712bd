"""Devices and browsers in one batch: each goes to who can deliver to it, and who is gone is forgotten."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from django.utils import timezone

from campaigns import content, devices
from campaigns.models import Device, Template
from delivery import channels, dispatch, providers
from delivery.channels.base import ChannelUnavailable, Outbound, Outcome, Result
from delivery.models import Batch, Message, Provider
from tenants.models import Retailer
from tests import factories
from tests.delivery.providers.steering import DOWN, answering, each, plan, planned, sent

BROWSER = '{{"endpoint": "https://push.example/{}", "keys": {{"p256dh": "x", "auth": "y"}}}}'
PUSH = {"key": "first", "channel": "push", "template": "said"}


@pytest.fixture
def tokens(account: Callable[..., Provider], forms: None) -> Provider:
    return account("tokens", channel="push", kind="memory", priority=1)


@pytest.fixture
def browsers(account: Callable[..., Provider], forms: None) -> Provider:
    return account("browsers", channel="push", kind="file", priority=2)


@pytest.fixture
def forms(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kinds for development, as if they delivered to one form each."""
    roll = dict(channels.KINDS)
    for kind, form in (("memory", "token"), ("file", "subscription")):
        changed = type(roll[kind])(**{**vars(roll[kind]), "takes": form})
        monkeypatch.setitem(channels.KINDS, kind, changed)  # type: ignore[misc]


def planned_to_devices() -> None:
    """For six people, of whom every other one has a browser."""
    for number, customer in enumerate(factories.customers(6, consent_push=True)):
        address = BROWSER.format(number) if number % 2 else f"token-{number}"
        devices.register(customer, address, now=timezone.now())
    content.publish(Template.objects.create(key="said", name="Said", channel="push", subject="a", text="b"))
    plan(factories.campaign(steps=[PUSH]))


def deliver(at: Retailer) -> None:
    dispatch.deliver(Batch.objects.get().pk, retailer=at, now=timezone.now())


def told(number: int) -> list[str]:
    return sorted(Message.objects.filter(state="accepted").values_list("provider", flat=True))[:number]


def test_each_form_goes_to_who_delivers_to_it(at_acme: Retailer, tokens: Provider, browsers: Provider) -> None:
    planned_to_devices()
    deliver(at_acme)
    deliver(at_acme)
    assert told(9) == ["browsers"] * 3 + ["tokens"] * 3
    assert {message.recipient for message in sent(at_acme, tokens)} == {"token-0", "token-2", "token-4"}


def test_while_one_is_out_of_reach_the_other_goes_on_and_takes_nothing_that_is_not_its_own(
    at_acme: Retailer, tokens: Provider, browsers: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned_to_devices()
    answering(monkeypatch, at_acme, tokens, DOWN, DOWN, DOWN)
    for _ in range(5):
        deliver(at_acme)
    assert told(9) == ["browsers"] * 3
    assert Message.objects.filter(state="queued").count() == 3
    with pytest.raises(ChannelUnavailable):
        providers.choose(at_acme, "push", "token")


def test_a_form_without_a_provider_is_a_person_s_to_add(at_acme: Retailer, tokens: Provider) -> None:
    planned_to_devices()
    deliver(at_acme)
    with pytest.raises(dispatch.MustPause, match="No provider for push delivers to a subscription"):
        deliver(at_acme)
    assert told(9) == ["tokens"] * 3


def test_a_device_that_is_gone_is_forgotten(
    at_acme: Retailer, tokens: Provider, browsers: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned_to_devices()

    def one_is_gone(batch: Sequence[Outbound]) -> list[Outcome]:
        first, *others = batch
        refused = Outcome(first.key, Result.REJECTED, "404 UNREGISTERED", is_gone=True)
        return [refused, *(Outcome(message.key, Result.ACCEPTED) for message in others)]

    answering(monkeypatch, at_acme, tokens, one_is_gone)
    deliver(at_acme)
    assert Device.objects.count() == 5
    assert Message.objects.get(state="rejected").reason == "404 UNREGISTERED"


def test_refused_all_in_the_same_words_a_person_looks_before_any_more_are(
    account: Callable[..., Provider], at_acme: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = account("first")
    ids = iter(range(1000, 9999))

    def refuse(batch: Sequence[Outbound]) -> list[Outcome]:
        said = "550 5.7.1 <{}>: sender refused [id {}]"
        return [Outcome(m.key, Result.REJECTED, said.format(m.recipient, next(ids))) for m in batch]

    planned(120)
    asked = answering(monkeypatch, at_acme, provider, each(Result.ACCEPTED), *[refuse] * 9)
    with pytest.raises(dispatch.MustPause, match="sender refused"):
        deliver(at_acme)
    assert len(asked) == 2
    states = list(Message.objects.values_list("state", flat=True))
    assert states.count("rejected") == asked[1]
    assert states.count("queued") == 120 - sum(asked)
