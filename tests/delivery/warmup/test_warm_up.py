"""Warm-up at execution: a day's budget, the most engaged first, the rest for the days to come, and what moves it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import audience, configuration, content
from campaigns.config.gate import Invalid
from campaigns.models import Brand, Campaign, Customer, Event, Facts, Run
from delivery import batches, messages, pipeline, reports
from delivery.channels.memory import MemoryChannel
from delivery.models import Batch, Message, SenderDomain, Signal, WarmUpPick, WarmUpShare
from delivery.warmup import acts, picking
from tenants import acting, context
from tenants.accounts.models import AuditEntry
from tenants.models import AgendaItem, Retailer
from tests import factories

START = 50


@pytest.fixture
def at_acme(acme: Retailer) -> Iterator[Retailer]:
    with context.in_retailer(acme), acting.acting("Ana", "user:1", "console"):
        yield acme


@pytest.fixture
def domain(at_acme: Retailer) -> str:
    content.brand()
    Brand.objects.update(from_email="hello@shop.example")
    return "shop.example"


def begin(domain: str, **parts: Any) -> SenderDomain:
    return acts.begin(domain, now=timezone.now(), **{"start": START, "peak": 5_000, **parts})


def launch(key: str = "welcome", **parts: Any) -> Run:
    campaign = Campaign.objects.filter(key=key).first() or factories.campaign(key, **parts)
    return configuration.launch(campaign, by="test", now=timezone.now())


def work_off(*runs: Run) -> list[dict[str, int]]:
    """As far as it goes now; what the ledger then says of each run."""
    AgendaItem.objects.filter(due_at__lte=timezone.now()).update(due_at=datetime(2020, 1, 1, tzinfo=UTC))
    while pipeline.work(seconds=60):  # until nothing is due, however slow the machine is
        pass
    for run in runs:
        run.refresh_from_db()
    return [reports.report(run).states for run in runs]


def next_day() -> None:
    """As if a day had passed: what stands in the agenda for tomorrow is due, and its picks are of yesterday."""
    yesterday = timedelta(days=1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE delivery_warmuppick SET day = day - 1")
    for share in WarmUpShare.objects.all():
        WarmUpShare.objects.filter(pk=share.pk).update(
            day=share.day - yesterday, judged_from=share.judged_from - yesterday
        )
    SenderDomain.objects.update(picked_at=timezone.now() - yesterday)
    AgendaItem.objects.update(due_at=timezone.now() - timedelta(seconds=1))


def engaged(external_ids: dict[str, int]) -> None:
    """So many days ago each of them clicked."""
    ids = dict(Customer.objects.filter(external_id__in=external_ids).values_list("pk", "external_id"))
    at = {pk: timezone.now() - timedelta(days=external_ids[external_id]) for pk, external_id in ids.items()}
    Facts.objects.bulk_update([Facts(pk=pk, engaged_email_at=each) for pk, each in at.items()], ["engaged_email_at"])


# -- a day's budget ----------------------------------------------------------------------------------------------------
def test_a_day_gets_its_budget_and_the_rest_waits_with_the_reason(domain: str, outbox: MemoryChannel) -> None:
    factories.customers(600)
    begin(domain)
    run = launch()
    assert work_off(run) == [{"accepted": _of("other", START), "queued": 600 - _of("other", START)}]
    told = set(Batch.objects.filter(state="queued").values_list("error", flat=True))
    assert len(told) == 1
    assert told.pop().startswith("Warm-up of shop.example: today's")
    assert run.state == Run.State.RUNNING
    midnight = timezone.now().astimezone(context.current().tzinfo).date() + timedelta(days=1)
    due = {each.astimezone(context.current().tzinfo).date() for each in Batch.objects.values_list("due_at", flat=True)}
    assert due == {midnight}


def test_without_a_warm_up_a_hand_over_asks_nothing_more(domain: str, outbox: MemoryChannel) -> None:
    factories.customers(20)
    SenderDomain.objects.create(domain=domain)
    launch()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        work_off()
    named = [each["sql"] for each in asked.captured_queries if "warm" in each["sql"] or "senderdomain" in each["sql"]]
    assert len(outbox.sent) == 20
    assert ["SET state = 'claimed'" in sql for sql in named] == [True]  # the claim, asked anyway


def test_other_domains_and_other_channels_have_no_bound(domain: str, outbox: MemoryChannel) -> None:
    factories.customers(200)
    begin("other.example")
    assert work_off(launch()) == [{"accepted": 200}]


def test_the_most_engaged_go_first_whether_they_clicked_or_ordered(domain: str, outbox: MemoryChannel) -> None:
    people = factories.customers(700)
    engaged({f"c{n}": n for n in range(650, 700)})
    customer = people[9]
    factories.happened(
        [Event(event_id="o1", customer=customer, name="order", occurred_at=timezone.now(), value=10, currency="GBP")]
    )
    engaged({f"c{n}": n for n in range(650, 700)})  # the facts were worked out anew
    begin(domain)
    work_off(launch())
    most = _of("other", START)
    expected = {"c10@example.test", *(f"c{n}@example.test" for n in range(650, 650 + most - 1))}
    assert {message.recipient for message in outbox.sent} == expected


def test_each_group_of_receivers_has_its_own_share(domain: str, outbox: MemoryChannel) -> None:
    names = ["gmail.com", "outlook.com", "yahoo.co.uk", "example.test"]
    for number, name in enumerate(names):
        for n in range(100):
            factories.customers(1, first=1 + number * 100 + n, email=f"c{number}-{n}@{name}")
    begin(domain)
    work_off(launch())
    sent = Counter(message.recipient.rpartition("@")[2] for message in outbox.sent)
    assert sent == dict.fromkeys(names, 12)  # a quarter of fifty each


def test_days_go_on_until_everybody_was_written_to_once(domain: str, outbox: MemoryChannel) -> None:
    factories.customers(300)
    begin(domain)
    run, days = launch(), []
    for _ in range(12):
        [states] = work_off(run)
        days.append(states.get("accepted", 0))
        if run.state == Run.State.COMPLETED:
            break
        next_day()
    assert states == {"accepted": 300}
    assert len({message.recipient for message in outbox.sent}) == len(outbox.sent) == 300
    grown = [later - earlier for earlier, later in zip([0, *days], days, strict=False)]
    assert grown[:-1] == sorted(grown[:-1])  # each day at least as many as the one before
    assert grown[0] == _of("other", START)


def test_what_waits_expires_when_it_is_too_late(domain: str, outbox: MemoryChannel) -> None:
    factories.customers(100)
    begin(domain)
    run = launch(timing={"mode": "now", "expire_after": "1h"})
    [states] = work_off(run)
    due = Batch.objects.get().due_at
    assert states["queued"] == 100 - _of("other", START)
    assert due <= timezone.now() + timedelta(hours=1)  # looked at when the first is too late
    Message.objects.filter(state="queued").update(expires_at=timezone.now() - timedelta(seconds=1))
    AgendaItem.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert work_off(run) == [{"accepted": _of("other", START), "expired": 100 - _of("other", START)}]


def test_two_runs_share_one_day_and_the_next_one_goes_to_the_most_engaged_of_both(
    domain: str, outbox: MemoryChannel
) -> None:
    factories.customers(100, city="Leeds")
    factories.customers(100, first=101, city="York")
    begin(domain)
    leeds = {"include": {"attribute": "city", "eq": "Leeds"}}
    york = {"include": {"attribute": "city", "eq": "York"}}
    first, second = launch("leeds", audience=leeds), launch("york", audience=york)
    states = work_off(first, second)
    assert sum(each.get("accepted", 0) for each in states) == _of("other", START)
    engaged({f"c{n}": 1 for n in range(101, 201)})
    next_day()
    before = len(outbox.sent)
    work_off(first, second)
    assert {int(message.recipient[1:].partition("@")[0]) > 100 for message in outbox.sent[before:]} == {True}


def test_a_place_is_free_again_when_its_message_was_not_handed_over(domain: str, outbox: MemoryChannel) -> None:
    factories.customers(100)
    begin(domain)
    run = launch()
    audience.evaluate(run)
    messages.generate(run, now=timezone.now())
    [batch] = Batch.objects.all()
    lease = batches.claim(batch.pk)
    assert lease is not None
    entries = batches.recheck(lease)
    now, zone = timezone.now(), context.current().tzinfo
    going, later = picking.allowed(lease, entries, domain, zone=zone, now=now)
    assert len(going) == _of("other", START)
    assert later is not None
    Message.objects.filter(pk__in=[entry.message_id for entry in going[:5]]).update(state="cancelled")
    rest = [entry for entry in entries if entry not in going[:5]]
    again, _ = picking.allowed(lease, rest, domain, zone=zone, now=now + timedelta(seconds=30))
    assert len(again) == len(going) - 5  # not looked at so soon
    again, _ = picking.allowed(lease, rest, domain, zone=zone, now=now + timedelta(seconds=61))
    assert len(again) == len(going)


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_never_give_more_than_the_day(live_retailer: Retailer) -> None:
    with context.in_retailer(live_retailer):
        content.brand()
        Brand.objects.update(from_email="hello@shop.example")
        factories.customers(2_000)
        begin("shop.example", start=1000)
        run = launch()
        audience.evaluate(run)
        messages.generate(run, now=timezone.now())
    allowed: list[int] = []
    ready = threading.Barrier(4)

    def ask(batch_id: int) -> None:
        with context.in_retailer(live_retailer):
            lease = batches.claim(batch_id)
            assert lease is not None
            entries = batches.recheck(lease)
            ready.wait()
            now, zone = timezone.now(), live_retailer.tzinfo
            going, _ = picking.allowed(lease, entries, "shop.example", zone=zone, now=now)
            allowed.append(len(going))
        connection.close()

    with context.in_retailer(live_retailer):
        ids = list(Batch.objects.values_list("pk", flat=True))
    threads = [threading.Thread(target=ask, args=[batch_id]) for batch_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with context.in_retailer(live_retailer):
        assert (len(allowed), sum(allowed)) == (4, _of("other", 1000))


# -- what moves it -----------------------------------------------------------------------------------------------------
def settled(domain: str, number: int, *, bounced: int = 0) -> None:
    """So many messages of yesterday, some of which bounced."""
    factories.customers(number, first=50_001)
    run = launch("before")
    audience.evaluate(run)
    messages.generate(run, now=timezone.now())
    ids = list(Message.objects.filter(run=run).order_by("pk").values_list("pk", flat=True))
    Message.objects.filter(run=run).update(state="accepted", settled_at=timezone.now() - timedelta(hours=1))
    Message.objects.filter(pk__in=ids[:bounced]).update(state="bounced")
    Batch.objects.filter(run=run).update(state="done")
    sender = SenderDomain.objects.get(domain=domain)
    day = sender.shares.all()[0].day - timedelta(days=1)
    WarmUpPick.objects.bulk_create(WarmUpPick(sender=sender, message_id=pk, receivers="other", day=day) for pk in ids)
    WarmUpShare.objects.update(judged_from=timezone.now() - timedelta(days=3))


@pytest.mark.parametrize(
    ("bounced", "standing", "step"), [(4, "growing", 8.0), (5, "slowed", 8.0), (10, "held", 8.0), (20, "reversed", 1.0)]
)
def test_bounces_slow_it_hold_it_and_take_it_back(
    domain: str, outbox: MemoryChannel, bounced: int, standing: str, step: float
) -> None:
    begin(domain)
    WarmUpShare.objects.update(step=8.0)
    settled(domain, 200, bounced=bounced)
    launch()
    work_off()
    share = WarmUpShare.objects.get(receivers="other")
    assert (share.standing, share.step) == (standing, step)
    assert bool(share.reason) == (standing != "growing")
    others = WarmUpShare.objects.exclude(receivers="other").values_list("standing", "step")
    assert set(others) == {("growing", 8.0)}
    noted = AuditEntry.objects.filter(action="warm-up", key=f"{domain} other").count()
    assert noted == (standing != "growing")


@pytest.mark.parametrize(("complained", "standing"), [(2, "growing"), (3, "reversed")])
def test_complaints_that_come_back_do_so_too(
    domain: str, outbox: MemoryChannel, complained: int, standing: str
) -> None:
    begin(domain)
    settled(domain, 200)
    Signal.objects.bulk_create(
        Signal(message_id=pk, run_id=run, at=timezone.now(), event_id=uuid4(), kind=kind, source="relay")
        for pk, run in Message.objects.filter(state="accepted").values_list("pk", "run_id")[:complained]
        for kind in ("complaint", "complaint", "open")  # told twice it is one message's
    )
    launch()
    work_off()
    assert WarmUpShare.objects.get(receivers="other").standing == standing


def test_the_same_bounces_take_it_back_once(domain: str, outbox: MemoryChannel) -> None:
    begin(domain)
    WarmUpShare.objects.update(step=20.0)
    settled(domain, 200, bounced=50)
    factories.customers(500)
    run = launch()
    work_off(run)
    assert WarmUpShare.objects.get(receivers="other").step == 13.0
    SenderDomain.objects.update(picked_at=timezone.now() - timedelta(minutes=5))
    AgendaItem.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    work_off(run)
    assert WarmUpShare.objects.get(receivers="other").step == 13.0


def test_a_reversal_takes_back_places_of_today_that_nobody_has_used(domain: str, outbox: MemoryChannel) -> None:
    begin(domain)
    WarmUpShare.objects.update(step=20.0)
    factories.customers(2_000)
    run = launch()
    audience.evaluate(run)
    messages.generate(run, now=timezone.now())
    first = Batch.objects.order_by("pk")[0]
    lease = batches.claim(first.pk)
    assert lease is not None
    now, zone = timezone.now(), context.current().tzinfo
    picking.allowed(lease, batches.recheck(lease), domain, zone=zone, now=now)
    before = WarmUpPick.objects.count()
    settled(domain, 200, bounced=700)  # of 2,200: everybody else got it too
    picking.allowed(lease, batches.recheck(lease), domain, zone=zone, now=now + timedelta(seconds=61))
    today = now.astimezone(zone).date()
    assert 0 < WarmUpPick.objects.filter(day=today).count() < before


# -- what people do ----------------------------------------------------------------------------------------------------
def test_skipping_lets_go_at_once_of_what_waits(domain: str, outbox: MemoryChannel) -> None:
    factories.customers(300)
    begin(domain)
    run = launch()
    work_off(run)
    sender = acts.skip(domain, now=timezone.now(), reason="known for years")
    assert (sender.warm_up, sender.reason) == ("skipped", "known for years")
    assert work_off(run) == [{"accepted": 300}]


def test_a_held_warm_up_stays_at_what_a_day_gets(domain: str, outbox: MemoryChannel) -> None:
    factories.customers(300)
    begin(domain)
    run = launch()
    work_off(run)
    acts.hold(domain, now=timezone.now(), reason="holidays")
    for day in (2, 3):
        next_day()
        [states] = work_off(run)
        assert states["accepted"] == day * _of("other", START)
    acts.go_on(domain, now=timezone.now())
    next_day()
    [states] = work_off(run)
    assert states["accepted"] > 4 * _of("other", START)


def test_it_is_finished_when_no_group_has_a_bound_left(domain: str, outbox: MemoryChannel) -> None:
    factories.customers(300)
    begin(domain)
    WarmUpShare.objects.update(step=42.0)
    run = launch()
    assert work_off(run) == [{"accepted": 300}]
    sender = SenderDomain.objects.get()
    assert sender.warm_up == "finished"
    assert sender.ended_at is not None


@pytest.mark.parametrize(
    ("act", "parts", "field"),
    [
        ("begin", {"start": 49}, "start"),
        ("begin", {"start": 1001}, "start"),
        ("begin", {"days": 27}, "days"),
        ("begin", {"days": 43}, "days"),
        ("begin", {"start": 100, "peak": 99}, "peak"),
        ("hold", {"reason": "why"}, "act"),
        ("go-on", {}, "act"),
        ("finish", {"reason": "why"}, "act"),
        ("skip", {"reason": " "}, "reason"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_field(
    domain: str, act: str, parts: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        acts.ACTS[act](domain, now=timezone.now(), **parts)
    assert [problem.field for problem in refused.value.problems] == [field]


def test_every_act_stands_in_the_trail(domain: str) -> None:
    now = timezone.now()
    begin(domain)
    acts.hold(domain, now=now, reason="wait")
    acts.go_on(domain, now=now)
    acts.finish(domain, now=now, reason="enough")
    acts.skip(domain, now=now, reason="known")
    with pytest.raises(Invalid):
        acts.skip(domain, now=now, reason="known")
    entries = AuditEntry.objects.filter(kind="sender domain", key=domain).order_by("pk")
    assert list(entries.values_list("action", flat=True)) == ["begin", "hold", "go on", "finish", "skip"]


def test_a_retailer_never_sees_anothers(domain: str, globex: Retailer) -> None:
    begin(domain)
    with context.in_retailer(globex):
        assert not SenderDomain.objects.exists()


def _of(name: str, whole: int) -> int:
    share = SenderDomain.objects.latest("pk").shares.get(receivers=name)
    return max(1, int(whole * share.share + 1e-6))
