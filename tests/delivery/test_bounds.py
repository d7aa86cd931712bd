"""Policy at execution: what it forbids is not planned and not handed over, and whatever it allows goes on by itself."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from campaigns import audience, configuration, policies
from campaigns.models import Campaign, Run
from delivery import batches, busy, caps, messages, pipeline, reports
from delivery.channels.base import Envelope, Outbound, Outcome
from delivery.channels.memory import MemoryChannel
from delivery.models import Batch, DailyVolume, Message
from tenants import acting, agenda, changes, context
from tenants.models import AgendaItem, Retailer, Sighting
from tests import factories

LONDON = ZoneInfo("Europe/London")


@pytest.fixture
def at_acme(acme: Retailer) -> Any:
    with context.in_retailer(acme), acting.acting("Ana", "user:1", "console"):
        yield acme


def launch(key: str = "welcome", **parts: Any) -> Run:
    campaign = Campaign.objects.filter(key=key).first() or factories.campaign(key, **parts)
    return configuration.launch(campaign, by="test", now=timezone.now())


def planned(run: Run) -> Run:
    """The run with its messages made and none handed over."""
    audience.evaluate(run)
    messages.generate(run, now=timezone.now())
    run.refresh_from_db()
    return run


def work_off(run: Run) -> reports.Report:
    pipeline.work(seconds=30)
    run.refresh_from_db()
    return reports.report(run)


def go_on_now() -> None:
    AgendaItem.objects.update(due_at=timezone.now())


def after_hand_over(
    monkeypatch: pytest.MonkeyPatch, outbox: MemoryChannel, number: int, act: Callable[[], object]
) -> None:
    """Do something right after hand-over `number`, counted from one, before the worker's next look."""
    send, counted = outbox.send, iter(range(1, 10_000))

    def then_act(envelope: Envelope, batch: Sequence[Outbound], *, seconds: float) -> Sequence[Outcome]:
        outcomes = send(envelope, batch, seconds=seconds)
        if next(counted) == number:
            act()
        return outcomes

    monkeypatch.setattr(outbox, "send", then_act)


# -- what is forbidden -------------------------------------------------------------------------------------------------
def test_a_policy_that_forbids_a_run_stops_it_before_its_next_batch_with_the_reason(
    at_acme: Retailer, outbox: MemoryChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.customers(1100)
    run = planned(launch())
    after_hand_over(monkeypatch, outbox, 3, lambda: policies.save(at_acme, policy={"min_holdout": 0.1}))
    report = work_off(run)
    assert report.run.state == Run.State.PAUSED
    assert report.run.reason.startswith("policy: audience.holdout: hold back at least 10 %")
    assert report.states == {"accepted": 500, "queued": 600}

    policies.save(at_acme, policy={})
    configuration.resume(run)
    assert work_off(run).states == {"accepted": 1100}
    assert Counter(message.key for message in outbox.sent).most_common(1)[0][1] == 1


def test_a_policy_of_the_platform_or_a_later_demand_for_approval_stops_a_run_too(
    at_acme: Retailer, outbox: MemoryChannel
) -> None:
    factories.customers(3)
    run = planned(launch())
    policies.save(None, policy={"approval": True})
    report = work_off(run)
    assert (report.run.state, report.states) == (Run.State.PAUSED, {"queued": 3})
    assert "without the approval" in report.run.reason
    assert outbox.sent == []


def test_a_forbidden_run_is_not_planned_either(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(3)
    run = launch()
    policies.save(at_acme, policy={"sender_domains": ["other.example"]})
    report = work_off(run)
    assert report.run.state == Run.State.PAUSED
    assert "brand.from_email" in report.run.reason
    assert Message.objects.count() == 0
    assert AgendaItem.objects.filter(kind="run").count() == 0


# -- versions ----------------------------------------------------------------------------------------------------------
def test_every_message_names_the_version_it_was_handed_over_with(
    at_acme: Retailer, outbox: MemoryChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.customers(700)
    run = planned(launch())

    def edit() -> None:
        step = {"key": "first", "channel": "email", "template": "hello", "variants": [{"key": "a", "subject": "New"}]}
        campaign = configuration.save_draft(factories.config(steps=[step]), campaign=Campaign.objects.get())
        configuration.publish(campaign, now=timezone.now(), into_running=True)

    after_hand_over(monkeypatch, outbox, 2, edit)
    work_off(run)
    told = Counter(Message.objects.values_list("version__number", "batch__number"))
    assert told == {(1, 0): 500, (2, 1): 200}
    assert Counter(message.subject == "New" for message in outbox.sent) == {False: 500, True: 200}


def test_what_a_dead_worker_had_in_hand_names_its_version_and_what_never_left_names_none(
    at_acme: Retailer, outbox: MemoryChannel
) -> None:
    factories.customers(5)
    run = planned(launch())
    lease = batches.claim(Batch.objects.get().pk)
    assert lease
    assert batches.turn(lease, [], hand_from=0, hand_to=3)
    Batch.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    configuration.cancel(run)
    work_off(run)
    assert Counter(Message.objects.values_list("state", "version")) == {
        ("unknown", run.version_id): 3,
        ("cancelled", None): 2,
    }


# -- how many to one person --------------------------------------------------------------------------------------------
def test_a_cap_of_the_policy_counts_all_campaigns_of_the_period(at_acme: Retailer, outbox: MemoryChannel) -> None:
    policies.save(None, policy={"per_customer": [{"messages": 2, "per": "7d"}]})
    factories.customers(60)
    assert work_off(launch("one")).states == {"accepted": 60}
    assert work_off(launch("two")).states == {"accepted": 60}
    factories.customers(1, first=61)
    report = work_off(launch("three"))
    assert (report.states, report.waterfall.excluded) == ({"accepted": 1}, {"capped": 60})
    assert report.run.state == Run.State.COMPLETED
    assert report.balances
    Message.objects.update(settled_at=timezone.now() - timedelta(days=8))
    assert work_off(launch("four")).states == {"accepted": 61}


def test_who_had_the_last_message_allowed_after_the_planning_is_not_handed_over(
    at_acme: Retailer, outbox: MemoryChannel
) -> None:
    factories.customers(5)
    run = launch("one", limits={"per_customer": {"messages": 1, "per": "7d"}})
    planned(run)
    AgendaItem.objects.all().delete()
    work_off(launch("two"))
    agenda.put_many(at_acme, "batch", batches.unfinished(run))
    report = work_off(run)
    assert (report.states, report.waterfall.excluded) == ({"cancelled": 5}, {})
    assert report.reasons == [("cancelled", "over the limit of 1 message in 1w", 5)]


def test_a_campaigns_own_limit_binds_it_and_no_other(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(5)
    work_off(launch("one"))
    report = work_off(launch("two", limits={"per_customer": {"messages": 1, "per": "1d"}}))
    assert (report.states, report.waterfall.excluded) == ({}, {"capped": 5})
    assert work_off(launch("three")).states == {"accepted": 5}


def test_what_is_in_another_workers_hands_counts(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(5)
    planned(launch("one"))
    lease = batches.claim(Batch.objects.get().pk)
    assert lease
    assert batches.turn(lease, [], hand_from=1, hand_to=3)
    AgendaItem.objects.all().delete()
    run = launch("two", limits={"per_customer": {"messages": 1, "per": "1d"}})
    report = work_off(run)
    assert (report.states, report.waterfall.excluded) == ({"accepted": 3}, {"capped": 2})


def test_four_campaigns_at_once_never_give_anybody_more_than_the_cap(
    live_retailer: Retailer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMAIL_URL = "memory://caps"
    sent: list[str] = []  # by all workers, each of which has a channel of its own
    with context.in_retailer(live_retailer):
        policies.save(live_retailer, policy={"per_customer": [{"messages": 2, "per": "7d"}]})
        factories.customers(400)  # a batch of each campaign: four workers at the same people
        runs = [planned(launch(f"c{number}")) for number in range(4)]
    send = MemoryChannel.send

    def slowly(
        channel: MemoryChannel, envelope: Envelope, batch: Sequence[Outbound], *, seconds: float
    ) -> Sequence[Outcome]:
        threading.Event().wait(0.01)  # the provider's time: the others count while these are in hand
        sent.extend(message.recipient for message in batch)
        return send(channel, envelope, batch, seconds=seconds)

    monkeypatch.setattr(MemoryChannel, "send", slowly)
    reached = caps.reached

    def counted_slowly(*arguments: Any) -> dict[int, str]:
        found = reached(*arguments)
        threading.Event().wait(0.01)  # time in which another worker could count the same
        return found

    monkeypatch.setattr(caps, "reached", counted_slowly)
    together = threading.Barrier(4)

    def work() -> None:
        try:
            together.wait(10)
            pipeline.work(seconds=60)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    pipeline.work(seconds=60)
    with context.in_retailer(live_retailer):
        told = [reports.report(Run.objects.get(pk=run.pk)) for run in runs]
        assert [report.run.state for report in told] == [Run.State.COMPLETED] * 4
        assert all(report.balances for report in told)
        assert Message.objects.exclude(state__in=["accepted", "cancelled"]).count() == 0
    assert Counter(Counter(sent).values()) == {2: 400}


# -- when --------------------------------------------------------------------------------------------------------------
def clock(moment: datetime) -> str:
    return f"{moment:%H:%M}"


def test_in_quiet_hours_a_batch_waits_until_they_end(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(3)
    run = planned(launch())
    local = timezone.now().astimezone(LONDON)
    opens = (local + timedelta(hours=2)).replace(second=0, microsecond=0)
    policies.save(at_acme, policy={"quiet_hours": [[clock(local - timedelta(hours=1)), clock(opens)]]})
    report = work_off(run)
    assert (report.run.state, report.states) == (Run.State.RUNNING, {"queued": 3})
    batch = Batch.objects.get()
    assert batch.error == f"Quiet hours: goes on at {clock(opens)}."
    assert abs(batch.due_at - opens) <= timedelta(minutes=1)
    assert AgendaItem.objects.get(kind="batch").due_at == batch.due_at
    assert pipeline.work(seconds=5) == 0

    policies.save(at_acme, policy={})
    go_on_now()
    assert work_off(run).states == {"accepted": 3}
    assert Batch.objects.get().error == ""


def test_quiet_hours_that_begin_during_a_batch_end_it_at_once(
    at_acme: Retailer, outbox: MemoryChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.customers(200)
    run = planned(launch())
    began = timezone.now()
    local = began.astimezone(LONDON)
    policies.save(
        at_acme, policy={"quiet_hours": [[clock(local + timedelta(hours=1)), clock(local + timedelta(hours=3))]]}
    )
    later = began + timedelta(hours=2)
    after_hand_over(monkeypatch, outbox, 2, lambda: monkeypatch.setattr(timezone, "now", lambda: later))
    sent = work_off(run).states["accepted"]
    assert 0 < sent == len(outbox.sent) < 200
    assert Message.objects.filter(state="queued").count() == 200 - sent


def test_messages_that_come_too_late_in_quiet_hours_expire(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(3)
    run = planned(launch(timing={"expire_after": "1h"}))
    local = timezone.now().astimezone(LONDON)
    quiet = [[clock(local - timedelta(hours=1)), clock(local + timedelta(hours=2))]]
    policies.save(at_acme, policy={"quiet_hours": quiet})
    work_off(run)
    Message.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    go_on_now()
    report = work_off(run)
    assert (report.run.state, report.states) == (Run.State.COMPLETED, {"expired": 3})


# -- how many a day ----------------------------------------------------------------------------------------------------
def test_a_ceiling_set_at_noon_counts_the_morning_and_the_rest_waits_for_midnight(
    at_acme: Retailer, outbox: MemoryChannel
) -> None:
    factories.customers(90)
    assert work_off(launch("morning")).states == {"accepted": 90}
    policies.save(None, policy={"max_per_day": 160})
    run = launch("noon")
    report = work_off(run)
    assert (report.run.state, report.states) == (Run.State.RUNNING, {"accepted": 70, "queued": 20})
    batch = Batch.objects.get(run=run)
    today = timezone.now().astimezone(LONDON).date()
    assert batch.error == "Limit of 160 messages a day: goes on at midnight."
    assert batch.due_at == datetime.combine(today + timedelta(days=1), time.min, tzinfo=LONDON).astimezone(UTC)
    go_on_now()
    assert work_off(run).states == {"accepted": 70, "queued": 20}

    DailyVolume.objects.update(day=today - timedelta(days=1))  # the night passes
    Message.objects.filter(state="accepted").update(settled_at=timezone.now() - timedelta(days=1))
    go_on_now()
    report = work_off(run)
    assert (report.run.state, report.states, report.balances) == (Run.State.COMPLETED, {"accepted": 90}, True)


def test_what_went_out_while_no_ceiling_stood_is_counted_when_one_comes_back(
    at_acme: Retailer, outbox: MemoryChannel
) -> None:
    factories.customers(20)
    policies.save(at_acme, policy={"max_per_day": 50})
    work_off(launch("one"))
    policies.save(at_acme, policy={})
    work_off(launch("two"))
    policies.save(at_acme, policy={"max_per_day": 50})
    assert work_off(launch("three")).states == {"accepted": 10, "queued": 10}


def test_what_a_provider_did_not_take_is_not_counted_into_the_day(at_acme: Retailer, settings: Settings) -> None:
    settings.EMAIL_URL = "smtp://127.0.0.1:9"
    factories.customers(20)
    policies.save(at_acme, policy={"max_per_day": 15})
    run = launch()
    for _ in range(3):
        work_off(run)
        go_on_now()
    assert DailyVolume.objects.get().handed == 0
    settings.EMAIL_URL = "memory://given-back"
    assert work_off(run).states == {"accepted": 15, "queued": 5}


# -- how soon ----------------------------------------------------------------------------------------------------------
def test_a_busy_worker_notes_a_change_with_its_next_batch_and_an_idle_one_none(
    at_acme: Retailer, outbox: MemoryChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.customers(600)
    run = planned(launch())
    after_hand_over(monkeypatch, outbox, 1, lambda: changes.announce(at_acme, "while busy"))
    work_off(run)
    seen = Sighting.objects.get(change__what="while busy")
    assert 0 < seen.seconds < 30

    monkeypatch.setattr(busy, "BREAK", -1.0)  # every item comes after a break
    run = planned(launch())
    changes.announce(at_acme, "while idle")
    work_off(run)
    assert not Sighting.objects.filter(change__what="while idle").exists()
