"""What a provider may be given: never more than its rate, its day's budget and a domain's share, whoever asks."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from delivery import batches, bounds, pipeline, providers, recipients, reports
from delivery.allowance import Allowance
from delivery.batches import Entry
from delivery.channels.base import Result
from delivery.models import Batch, Message, Provider, ProviderDomain, ProviderState
from tenants import context
from tenants.models import Retailer
from tests import factories
from tests.delivery.providers.steering import answering, each, plan, planned, sent, work_off


def entries(number: int, domain: str = "example.test") -> list[Entry]:
    return [Entry(n, n, "email", "a", 0, "", f"c{n}@{domain}", {}) for n in range(number)]


def allowance(provider: Provider, day: datetime | None = None) -> Allowance:
    day = day or timezone.now()
    limits = (provider.rate, provider.max_per_day, provider.per_domain)
    return Allowance(provider.pk, provider.key, *limits, day.date(), day + timedelta(hours=1))


def time_passes(**passed: float) -> None:
    """The provider's clocks stand as if so much had passed."""
    ProviderState.objects.update(full_at=F("full_at") - timedelta(**passed))
    ProviderDomain.objects.update(full_at=F("full_at") - timedelta(**passed))


# -- rate --------------------------------------------------------------------------------------------------------------
def test_a_rate_allows_a_second_s_worth_at_once_and_then_as_time_passes(
    account: Callable[..., Provider], at_acme: Retailer
) -> None:
    limits, now = allowance(account(rate=20)), timezone.now()
    granted = limits.take(entries(50), now=now)
    assert len(granted.entries) == 20
    assert granted.until == now + timedelta(seconds=0.5)  # ten more, half a second's worth
    assert len(limits.take(entries(50), now=now).entries) == 0
    assert len(limits.take(entries(50), now=granted.until).entries) == 10
    tomorrow = now + timedelta(days=1)
    assert len(limits.take(entries(50), now=tomorrow).entries) == 20  # what was not used is not saved up


def test_a_rate_below_one_a_second_still_lets_one_go(account: Callable[..., Provider], at_acme: Retailer) -> None:
    limits, now = allowance(account(rate=0.1)), timezone.now()
    granted = limits.take(entries(3), now=now)
    assert len(granted.entries) == 1
    assert granted.until == now + timedelta(seconds=10)


def test_a_domain_s_share_comes_back_as_time_passes(account: Callable[..., Provider], at_acme: Retailer) -> None:
    limits, now = allowance(account(per_domain={"slow.test": 600})), timezone.now()
    granted = limits.take(entries(40, "slow.test"), now=now)
    assert len(granted.entries) == 10  # a second's worth
    assert granted.later == now + timedelta(seconds=0.5)
    assert len(limits.take(entries(40, "slow.test"), now=now).entries) == 0
    assert len(limits.take(entries(40, "slow.test"), now=granted.later).entries) == 5


def test_workers_share_the_clock_of_the_database(account: Callable[..., Provider], at_acme: Retailer) -> None:
    limits, share = allowance(account(rate=0.1, per_domain={"*": 6})), timedelta(seconds=10)
    begun = timezone.now()
    limits.take(entries(1))
    for full_at in (ProviderState.objects.get().full_at, ProviderDomain.objects.get().full_at):
        assert full_at is not None
        assert begun + share <= full_at <= timezone.now() + share


@pytest.mark.parametrize("rate", [0.09, 0.18, 0.36, 0.41, 17 / 60, 1 / 3, 0.7, 1.1])
def test_no_rate_is_so_awkward_that_nothing_goes(
    account: Callable[..., Provider], at_acme: Retailer, rate: float
) -> None:
    assert len(allowance(account(rate=rate)).take(entries(3)).entries) == 1


@pytest.mark.parametrize("a_minute", [1, 17, 34, 53, 57, 59])
def test_no_share_of_a_domain_is_so_awkward_that_nothing_goes(
    account: Callable[..., Provider], at_acme: Retailer, a_minute: int
) -> None:
    assert len(allowance(account(per_domain={"*": a_minute})).take(entries(3)).entries) == 1


def test_what_a_full_domain_could_not_take_is_not_taken_from_the_rate(
    account: Callable[..., Provider], at_acme: Retailer
) -> None:
    limits = allowance(account(rate=100, max_per_day=500, per_domain={"slow.test": 60}))
    assert len(limits.take(entries(90, "slow.test")).entries) == 1
    assert ProviderState.objects.get().used == 1
    assert len(limits.take(entries(90)).entries) == 90


def test_only_e_mail_has_domains(account: Callable[..., Provider], at_acme: Retailer) -> None:
    """A browser's subscription, or a phone number, must not be kept as if it were one."""
    account("phones", channel="sms")
    Provider.objects.update(per_domain={"*": 60})
    assert providers.choose(at_acme, "sms").allowance is None


def test_a_run_goes_on_by_itself_at_the_rate(account: Callable[..., Provider], at_acme: Retailer) -> None:
    provider = account(rate=30)
    run = planned(75)
    begun = timezone.now()
    pipeline.work(seconds=3.0)
    deadline = begun + timedelta(seconds=120)
    while Message.objects.filter(state="queued").exists() and timezone.now() < deadline:
        pipeline.work(seconds=1.0)
    assert (timezone.now() - begun).total_seconds() >= (75 - 30) / 30
    assert reports.report(run).states == {"accepted": 75}
    assert len({message.key for message in sent(at_acme, provider)}) == 75


def test_many_workers_share_one_rate_and_one_budget(live_retailer: Retailer, development: None) -> None:
    """Really committed, by threads with connections of their own."""
    with context.in_retailer(live_retailer):
        provider = providers.accounts.save(
            {"key": "first", "channel": "email", "kind": "memory", "rate": 100, "max_per_day": 130}
        )
    taken: list[int] = []

    def work() -> None:
        try:
            with context.in_retailer(live_retailer):
                taken.extend(len(allowance(provider).take(entries(7)).entries) for _ in range(10))
        finally:
            connection.close()

    begun = timezone.now()
    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    seconds = (timezone.now() - begun).total_seconds()
    assert 100 <= sum(taken) <= min(130, 100 + 100 * seconds)
    with context.in_retailer(live_retailer):
        assert ProviderState.objects.get().used == sum(taken)


# -- the day's budget --------------------------------------------------------------------------------------------------
def test_a_budget_ends_at_midnight_of_the_retailer_and_says_so(
    account: Callable[..., Provider], at_acme: Retailer
) -> None:
    provider = account(max_per_day=25)
    run = planned(60)
    assert work_off(run).states == {"accepted": 25, "queued": 35}
    batch = Batch.objects.get()
    assert batch.error == "first has had its 25 messages of the day: goes on at midnight."
    assert batch.due_at.astimezone(at_acme.tzinfo).strftime("%H:%M") == "00:00"
    assert work_off(run).states == {"accepted": 25, "queued": 35}
    ProviderState.objects.update(day=F("day") - timedelta(days=1))
    assert work_off(run).states == {"accepted": 50, "queued": 10}
    assert len(sent(at_acme, provider)) == 50


def test_with_a_budget_used_up_the_next_provider_goes_on(account: Callable[..., Provider], at_acme: Retailer) -> None:
    first, second = account("first", priority=1, max_per_day=25), account("second", priority=2)
    run = planned(60)
    work_off(run)
    assert work_off(run).states == {"accepted": 60}
    assert (len(sent(at_acme, first)), len(sent(at_acme, second))) == (25, 35)


def test_what_was_not_taken_is_given_back_to_the_budget(
    account: Callable[..., Provider], at_acme: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = account(max_per_day=100)
    answering(monkeypatch, at_acme, provider, each(Result.REJECTED), each(Result.DEFERRED))
    run = planned(10)
    work_off(run)
    assert ProviderState.objects.get().used == 0


# -- a receiving domain's share ----------------------------------------------------------------------------------------
def test_a_full_domain_waits_and_the_others_go_on(account: Callable[..., Provider], at_acme: Retailer) -> None:
    provider = account(per_domain={"slow.test": 1})
    factories.customers(40)
    factories.stored(
        factories.Customer(external_id=f"s{n}", email=f"s{n}@slow.test", consent_email=True) for n in range(4)
    )
    run = plan(factories.campaign())
    begun = timezone.now()
    assert work_off(run).states == {"accepted": 41, "queued": 3}
    domains = Counter(message.recipient.partition("@")[2] for message in sent(at_acme, provider))
    assert domains == {"example.test": 40, "slow.test": 1}
    in_a_minute = timedelta(minutes=1)
    assert begun + in_a_minute <= Batch.objects.get().due_at <= timezone.now() + in_a_minute
    for accepted in (42, 43, 44):
        time_passes(minutes=1)
        assert work_off(run).states["accepted"] == accepted
    assert len({message.key for message in sent(at_acme, provider)}) == 44


def test_every_other_domain_has_the_share_of_the_star(account: Callable[..., Provider], at_acme: Retailer) -> None:
    limits = allowance(account(per_domain={"*": 60, "quick.test": 6000}))
    granted = limits.take([*entries(5, "a.test"), *entries(5, "b.test"), *entries(5, "QUICK.test")])
    assert Counter(entry.address.partition("@")[2] for entry in granted.entries) == {
        "a.test": 1,
        "b.test": 1,
        "QUICK.test": 5,
    }
    assert granted.full == {"a.test", "b.test"}


def test_a_worker_that_dies_leaves_unknown_only_what_it_handed_over(
    account: Callable[..., Provider], at_acme: Retailer
) -> None:
    """Between the first and the last of a window stand messages that were left out of it."""
    planned(10)
    batch = Batch.objects.get()
    lease = batches.claim(batch.pk)
    assert lease
    chunk = recipients.recheck(lease)
    going = [chunk[1], chunk[4], chunk[7]]
    assert bounds._turn(lease, [], going)
    Batch.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert batches.claim(batch.pk)
    unknown = Message.objects.filter(state="unknown").values_list("id", flat=True)
    assert set(unknown) == {entry.message_id for entry in going}
    assert Message.objects.filter(state="queued").count() == 7


def test_a_provider_without_bounds_costs_two_looks_per_batch(
    account: Callable[..., Provider], at_acme: Retailer
) -> None:
    account()
    run = planned(400)
    with CaptureQueriesContext(connection) as asked:
        assert work_off(run).states == {"accepted": 400}
    assert sum("delivery_provider" in statement["sql"] for statement in asked.captured_queries) == 2
