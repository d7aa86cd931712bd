"""A day's budget: the most engaged go first, and the rest wait for the days to come."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import audience, content
from campaigns.models import Brand, Event, Run
from delivery import batches, messages, recipients
from delivery.channels.memory import MemoryChannel
from delivery.models import Batch, Message, SenderDomain
from delivery.warmup import picking
from tenants import context
from tenants.models import AgendaItem, Retailer
from tests import factories
from tests.delivery.warmup.warming import START, begin, engaged, launch, next_day, share_of, work_off


def test_a_day_gets_its_budget_and_the_rest_waits_with_the_reason(domain: str, outbox: MemoryChannel) -> None:
    factories.customers(600)
    begin(domain)
    run = launch()
    assert work_off(run) == [{"accepted": share_of("other", START), "queued": 600 - share_of("other", START)}]
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
    most = share_of("other", START)
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
    assert grown[0] == share_of("other", START)


def test_what_waits_expires_when_it_is_too_late(domain: str, outbox: MemoryChannel) -> None:
    factories.customers(100)
    begin(domain)
    run = launch(timing={"mode": "now", "expire_after": "1h"})
    [states] = work_off(run)
    due = Batch.objects.get().due_at
    assert states["queued"] == 100 - share_of("other", START)
    assert due <= timezone.now() + timedelta(hours=1)  # looked at when the first is too late
    Message.objects.filter(state="queued").update(expires_at=timezone.now() - timedelta(seconds=1))
    AgendaItem.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert work_off(run) == [{"accepted": share_of("other", START), "expired": 100 - share_of("other", START)}]


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
    assert sum(each.get("accepted", 0) for each in states) == share_of("other", START)
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
    entries = recipients.recheck(lease)
    now, zone = timezone.now(), context.current().tzinfo
    going, later = picking.allowed(lease, entries, domain, zone=zone, now=now)
    assert len(going) == share_of("other", START)
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
            entries = recipients.recheck(lease)
            ready.wait(60)
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
        assert (len(allowed), sum(allowed)) == (4, share_of("other", 1000))
