"""Providers that fail: others take over, nobody hammers at them, and a run pauses only for what a person must do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import configuration, policies
from campaigns.models import Run
from delivery import breaker, providers, unknowns
from delivery.breaker import Breaker
from delivery.channels.base import ChannelUnavailable, Outbound, Outcome, Result
from delivery.models import Batch, Message, Provider, ProviderState
from delivery.providers import accounts
from tenants.models import Retailer
from tests.delivery.providers.steering import (
    DOWN,
    REFUSED,
    answering,
    each,
    pause_is_over,
    planned,
    sent,
    work_off,
)


def pause_after(provider: Provider, refusal: ChannelUnavailable) -> float:
    """Seconds that the account is left alone for after it refused, its pause before that being over."""
    pause_is_over()
    ProviderState.objects.update(since=None)  # it becomes the instant of the refusal
    Breaker(provider.pk).refuse(refusal)
    state: Any = ProviderState.objects.get()
    return float((state.retry_at - state.since).total_seconds())


def chance(seed: float) -> float:
    """The number that the database draws next."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT setseed(%s)", [seed])
        cursor.execute("SELECT random()")
        drawn = float(cursor.fetchone()[0])
        cursor.execute("SELECT setseed(%s)", [seed])
    return drawn


def test_when_the_first_fails_for_good_the_second_takes_over_at_once(
    account: Callable[..., Provider], at_acme: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = account("first", priority=1), account("second", priority=2)
    asked = answering(monkeypatch, at_acme, first, REFUSED)
    report = work_off(planned(30))
    assert (report.states, len(asked)) == ({"accepted": 30}, 1)
    assert len(sent(at_acme, second)) == 30
    assert set(Message.objects.values_list("provider", flat=True)) == {"second"}


def test_when_the_only_one_refuses_our_credentials_the_run_pauses_and_says_why(
    account: Callable[..., Provider], at_acme: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = account()
    asked = answering(monkeypatch, at_acme, provider, REFUSED)
    run = planned(20)
    report = work_off(run)
    assert (run.state, run.reason, report.states) == (Run.State.PAUSED, "wrong password", {"queued": 20})
    assert asked == [10]
    accounts.save({"timeout": 12}, provider)  # whoever corrects the account closes its breaker
    configuration.resume(run)
    assert work_off(run).states == {"accepted": 20}


def test_out_of_reach_three_times_opens_and_one_message_tries_afterwards(
    account: Callable[..., Provider], at_acme: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = account()
    asked = answering(monkeypatch, at_acme, provider, DOWN, DOWN, DOWN)
    run = planned(30)
    for _ in range(6):
        work_off(run)
    state = ProviderState.objects.get()
    assert (len(asked), state.openings, state.opened_at is not None) == (3, 1, True)
    assert "fails (nothing listens there)" in Batch.objects.get().error
    with pytest.raises(ChannelUnavailable) as refused:
        providers.choose(at_acme, "email")
    assert 0 < (refused.value.retry_after or 0) <= 15 * 1.2

    pause_is_over()
    assert work_off(run).states == {"accepted": 30}
    assert asked[3] == 1
    state.refresh_from_db()
    assert (state.opened_at, state.openings, state.failures) == (None, 0, 0)


def test_a_try_that_fails_waits_twice_as_long(account: Callable[..., Provider], at_acme: Retailer) -> None:
    """About twice: a fifth less to a fifth more, by chance."""
    provider = account()
    for number, usual in enumerate([15, 30, 60, 120, 240, 480, 600, 600]):
        drawn = chance(number / 8)
        pause = pause_after(provider, ChannelUnavailable("down", permanent=True))
        assert pause == pytest.approx(usual * (0.8 + 0.4 * drawn), abs=1e-5)


def test_only_one_worker_tries(account: Callable[..., Provider], at_acme: Retailer) -> None:
    provider = account()
    Breaker(provider.pk).refuse(REFUSED)
    assert not breaker.claim_probe(provider.pk)
    pause_is_over()
    assert [breaker.claim_probe(provider.pk) for _ in range(3)] == [True, False, False]
    with pytest.raises(ChannelUnavailable, match="is being tried"):
        providers.choose(at_acme, "email")
    ProviderState.objects.update(probe_until=timezone.now() - timedelta(seconds=1))  # who tried has died
    assert providers.choose(at_acme, "email").is_probe


def test_somebody_who_began_before_does_not_close_it(account: Callable[..., Provider], at_acme: Retailer) -> None:
    provider = account()
    early = Breaker(provider.pk, is_clean=False)
    Breaker(provider.pk).refuse(REFUSED)
    early.note([Outcome("m", Result.ACCEPTED)])
    assert ProviderState.objects.get().opened_at is not None


def test_asked_to_wait_nobody_calls_before_that(
    account: Callable[..., Provider], at_acme: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = account()
    asked = answering(monkeypatch, at_acme, provider, ChannelUnavailable("429 slow down", retry_after=40.0))
    run = planned(20)
    for _ in range(5):
        work_off(run)
    assert asked == [10]
    pause_is_over()
    assert work_off(run).states == {"accepted": 20}
    assert asked[:2] == [10, 1]


def test_asked_to_wait_in_the_middle_of_a_batch_the_rest_goes_to_who_stands_by(
    account: Callable[..., Provider], at_acme: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = account("first", priority=1), account("second", priority=2)

    def half(batch: Sequence[Outbound]) -> list[Outcome]:
        answers = [Result.ACCEPTED if number < 5 else Result.UNSENT for number in range(len(batch))]
        return [Outcome(m.key, answer, retry_after=30.0) for m, answer in zip(batch, answers, strict=True)]

    asked = answering(monkeypatch, at_acme, first, half)
    assert work_off(planned(30)).states == {"accepted": 30}
    assert (asked, len(sent(at_acme, second))) == ([10], 25)


def test_one_receiver_that_asks_to_wait_holds_up_nobody_else(
    account: Callable[..., Provider], at_acme: Retailer
) -> None:
    known = Breaker(account().pk)
    known.note([Outcome("m0", Result.DEFERRED, retry_after=3600.0), *[Outcome("m", Result.ACCEPTED)] * 9])
    assert ProviderState.objects.get().opened_at is None


def test_an_account_at_rest_can_be_looked_at_and_gets_no_batch(
    account: Callable[..., Provider], at_acme: Retailer
) -> None:
    Breaker(account().pk).refuse(ChannelUnavailable("slow down", retry_after=60.0))
    providers.channel(at_acme, "email").check()
    with pytest.raises(ChannelUnavailable, match="slow down"):
        providers.choose(at_acme, "email")


def test_what_is_a_recipient_s_doing_says_nothing_about_the_provider(
    account: Callable[..., Provider], at_acme: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A greylisting receiver answers the probe: the provider works, and is used again."""
    provider = account()
    Breaker(provider.pk).refuse(ChannelUnavailable("slow down", retry_after=60.0))
    pause_is_over()
    answering(monkeypatch, at_acme, provider, each(Result.DEFERRED, is_recipient_s=True))
    run = planned(20)
    assert work_off(run).states == {"accepted": 19, "queued": 1}
    state = ProviderState.objects.get()
    assert (state.opened_at, state.failed) == (None, 0)
    assert Message.objects.get(state="queued").attempts == 1


def test_who_asks_for_no_pause_at_all_gets_one(account: Callable[..., Provider], at_acme: Retailer) -> None:
    """`Retry-After: 0`, again and again."""
    provider = account()
    busy = ChannelUnavailable("429", retry_after=0.0)
    assert [pause_after(provider, busy) for _ in range(5)] == [1, 2, 4, 8, 16]


def test_half_of_what_is_handed_over_failing_opens(account: Callable[..., Provider], at_acme: Retailer) -> None:
    known = Breaker(account().pk)
    bad = [Outcome(str(number), Result.UNKNOWN) for number in range(10)]
    known.note([Outcome("m", Result.ACCEPTED)] * 25)
    known.note(bad)
    assert ProviderState.objects.get().opened_at is None
    known.note(bad)
    assert ProviderState.objects.get().opened_at is None  # 20 of 45
    known.note(bad)
    assert ProviderState.objects.get().opened_at is not None  # 30 of 55


def test_a_provider_that_works_costs_no_statement(account: Callable[..., Provider], at_acme: Retailer) -> None:
    account()
    chosen = providers.choose(at_acme, "email")
    assert chosen.allowance is None
    with CaptureQueriesContext(connection) as asked:
        for _ in range(100):
            chosen.note([Outcome("m", Result.ACCEPTED)] * 50)
            assert not chosen.must_rest()
    assert len(asked) == 0


def test_whoever_looks_into_unknown_messages_and_sends_none_lets_others_try_the_provider(
    account: Callable[..., Provider], at_acme: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = account()
    answering(monkeypatch, at_acme, provider, each(Result.UNKNOWN))
    run = planned(3)
    assert work_off(run).states == {"unknown": 3}
    Breaker(provider.pk).refuse(REFUSED)
    pause_is_over()
    Message.objects.update(retry_at=timezone.now())
    unknowns.announce_missing(at_acme)
    assert work_off(run).states == {"unknown": 3}
    assert not Message.objects.filter(retry_at__isnull=False).exists()  # they are a person's
    assert breaker.claim_probe(provider.pk)


def test_a_batch_that_waits_for_the_morning_lets_others_try_the_provider(
    account: Callable[..., Provider], at_acme: Retailer
) -> None:
    provider = account()
    Breaker(provider.pk).refuse(REFUSED)
    pause_is_over()
    now = timezone.now().astimezone(at_acme.tzinfo)
    begins, ends = (f"{now + timedelta(hours=hours):%H:%M}" for hours in (-1, 1))
    policies.save(at_acme, policy={"quiet_hours": [[begins, ends]]})
    assert work_off(planned(3)).states == {"queued": 3}
    assert breaker.claim_probe(provider.pk)
