"""Messages that a provider puts off, and providers that stay away: nothing fails before it was really tried."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone
from pytest_django import Settings

from campaigns.models import Run
from delivery import batches, dispatch
from delivery.breaker import Breaker
from delivery.channels.base import ChannelUnavailable, Result
from delivery.models import Batch, Message, Provider, ProviderState
from delivery.providers import accounts
from tenants.models import Retailer
from tests.delivery.providers.steering import DOWN, REFUSED, answering, each, pause_is_over, planned
from tests.delivery.scripted import ScriptedServer

DAYS = timedelta(hours=25)


def deliver(at: Retailer) -> None:
    """One try at the only batch."""
    try:
        dispatch.deliver(Batch.objects.get().pk, retailer=at, now=timezone.now())
    except dispatch.MustPause:
        Run.objects.update(state="paused")


def time_passes(passed: timedelta) -> None:
    """For the batch and its messages."""
    Batch.objects.update(unreachable_since=F("unreachable_since") - passed)
    Message.objects.update(send_at=F("send_at") - passed, retry_at=F("retry_at") - passed)


def states() -> dict[str, int]:
    found = list(Message.objects.values_list("state", flat=True))
    return {state: found.count(state) for state in sorted(set(found))}


# -- put off -----------------------------------------------------------------------------------------------------------
def test_a_receiver_that_greylists_for_a_while_gets_its_message(at_acme: Retailer, settings: Settings) -> None:
    with ScriptedServer({"RCPT": ["451 4.7.1 greylisted"] * 7}) as server:
        settings.EMAIL_URL = f"smtp://127.0.0.1:{server.port}"
        planned(1)
        for _ in range(7):
            deliver(at_acme)
            deliver(at_acme)  # woken too early: nothing is tried
            assert states() == {"queued": 1}
            time_passes(timedelta(hours=1, minutes=15))
        deliver(at_acme)
        assert states() == {"accepted": 1}
        assert sum(line.startswith("RCPT") for lines in server.commands for line in lines) == 8


@pytest.mark.parametrize(("end", "longer"), [(min, 1.0), (max, 2.0)])
def test_each_try_waits_twice_as_long_and_the_last_one_ends_it(
    account: Callable[..., Provider],
    at_acme: Retailer,
    monkeypatch: pytest.MonkeyPatch,
    end: Callable[..., float],
    longer: float,
) -> None:
    """By chance up to twice as long: not all at the same instant."""
    monkeypatch.setattr(random, "uniform", lambda *ends: end(ends))
    answering(monkeypatch, at_acme, account(), *[each(Result.DEFERRED, is_recipient_s=True)] * 12)
    planned(1)
    for usual in (15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600):
        pause, begun = timedelta(seconds=usual * longer), timezone.now()
        deliver(at_acme)
        message, batch = Message.objects.get(), Batch.objects.get()
        assert message.retry_at == batch.due_at
        assert begun + pause <= batch.due_at <= timezone.now() + pause
        time_passes(timedelta(hours=2))
    deliver(at_acme)
    assert states() == {"failed": 1}
    assert Message.objects.get().reason == "deferred 12 times: as the test says"


def test_a_longer_pause_that_a_receiver_asks_for_is_kept(
    account: Callable[..., Provider], at_acme: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, at_acme, account(), each(Result.DEFERRED, is_recipient_s=True, retry_after=900.0))
    planned(3)
    deliver(at_acme)
    assert 890 < (Batch.objects.get().due_at - timezone.now()).total_seconds() <= 900


def test_who_was_put_off_holds_up_nobody_else_of_the_batch(
    account: Callable[..., Provider], at_acme: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answering(monkeypatch, at_acme, account(), each(Result.DEFERRED, is_recipient_s=True))
    planned(30)
    deliver(at_acme)
    assert (states(), asked[0]) == ({"accepted": 20, "queued": 10}, 10)
    before = len(asked)
    deliver(at_acme)
    assert len(asked) == before


def test_a_try_that_fails_is_no_attempt_of_its_message(
    account: Callable[..., Provider], at_acme: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = account()
    Breaker(provider.pk).refuse(ChannelUnavailable("slow down", retry_after=60.0))
    planned(5)
    asked = answering(monkeypatch, at_acme, provider, *[each(Result.DEFERRED)] * 13)
    for _ in range(13):
        pause_is_over()
        deliver(at_acme)
    assert (asked, states()) == ([1] * 13, {"queued": 5})
    assert set(Message.objects.values_list("attempts", flat=True)) == {0}
    pause_is_over()
    deliver(at_acme)
    assert states() == {"accepted": 5}


# -- given up ----------------------------------------------------------------------------------------------------------
def test_a_provider_out_of_reach_for_a_day_is_given_up(
    account: Callable[..., Provider], at_acme: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, at_acme, account(), DOWN, DOWN)
    planned(3)
    deliver(at_acme)
    assert states() == {"queued": 3}
    time_passes(DAYS)
    deliver(at_acme)
    assert states() == {"failed": 3}
    assert Batch.objects.get().state == "done"
    assert set(Message.objects.values_list("reason", flat=True)) == {"gave up: nothing listens there"}


def test_after_a_day_it_is_tried_once_more_before_anything_fails(
    account: Callable[..., Provider], at_acme: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, at_acme, account(), DOWN)
    planned(3)
    deliver(at_acme)
    time_passes(DAYS)
    deliver(at_acme)
    assert states() == {"accepted": 3}


def test_a_budget_of_several_days_fails_nobody(account: Callable[..., Provider], at_acme: Retailer) -> None:
    account(max_per_day=10)
    planned(35)
    for day in range(4):
        deliver(at_acme)
        deliver(at_acme)
        assert states() == {"accepted": min(35, 10 * day + 10), **({"queued": 25 - 10 * day} if day < 3 else {})}
        time_passes(DAYS)
        ProviderState.objects.update(day=F("day") - timedelta(days=1))


def test_credentials_that_were_wrong_for_days_fail_nobody(
    account: Callable[..., Provider], at_acme: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = account()
    answering(monkeypatch, at_acme, provider, DOWN, REFUSED)
    planned(3)
    deliver(at_acme)
    deliver(at_acme)
    assert Run.objects.get().state == "paused"
    time_passes(DAYS)
    assert Batch.objects.get().unreachable_since is None
    accounts.save({"timeout": 12}, provider)
    Run.objects.update(state="running")
    deliver(at_acme)
    assert states() == {"accepted": 3}


def test_a_pause_by_a_person_is_no_absence_of_the_provider(
    account: Callable[..., Provider], at_acme: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, at_acme, account(), DOWN, DOWN)
    planned(3)
    deliver(at_acme)
    Run.objects.update(state="paused")
    deliver(at_acme)
    time_passes(DAYS)
    Run.objects.update(state="running")
    deliver(at_acme)
    assert states() == {"queued": 3}


def test_a_worker_that_dies_on_the_second_day_fails_nobody(account: Callable[..., Provider], at_acme: Retailer) -> None:
    account()
    planned(3)
    time_passes(DAYS)
    assert batches.claim(Batch.objects.get().pk)
    Batch.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    deliver(at_acme)
    assert states() == {"accepted": 3}


def test_a_breaker_that_was_open_for_days_fails_nobody_who_was_not_tried(
    account: Callable[..., Provider], at_acme: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = account()
    busy = ChannelUnavailable("429 slow down", retry_after=3000.0)
    answering(monkeypatch, at_acme, provider, busy, busy, busy)
    planned(3)
    for _ in range(3):
        deliver(at_acme)
        deliver(at_acme)
        time_passes(DAYS)
        pause_is_over()
    deliver(at_acme)
    assert states() == {"accepted": 3}
