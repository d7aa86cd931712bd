"""A run held to so many messages a minute: by whoever hands over, from the next hand-over on, and lifted again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from campaigns import configuration
from campaigns.lifecycle import NotAllowed
from campaigns.models import Run
from delivery import batches, pipeline, reports, tempo, throttle
from delivery.batches import Entry, Lease
from delivery.channels.memory import MemoryChannel
from delivery.models import Batch, Throttle
from tenants import context
from tenants.accounts.models import AuditEntry
from tenants.models import AgendaItem, Retailer
from tests import factories


def entries(number: int) -> list[Entry]:
    return [Entry(n, n, "email", "a", 0, timezone.now(), "", f"c{n}@example.test", {}) for n in range(number)]


def launched(people: int) -> Run:
    factories.customers(people)
    return configuration.launch(factories.campaign(), by="test", now=timezone.now())


def time_passes(seconds: float) -> None:
    Throttle.objects.update(full_at=F("full_at") - timedelta(seconds=seconds))


def carry_on(retailer: Retailer) -> None:
    """What waits is called due, once."""
    AgendaItem.objects.update(due_at=timezone.now())
    pipeline.work(seconds=20, retailer=retailer)


@pytest.mark.parametrize("per_minute", [1, 7, 30, 60, 600, 100_000])
def test_no_minute_gets_more_than_it_says(at_acme: Retailer, per_minute: int) -> None:
    run = launched(1)
    tempo.throttle(run, per_minute)
    lease = Lease(1, 1, run.pk, "first", "running", 0, "", per_minute)
    Throttle.objects.update(full_at="2020-01-01T00:00Z")
    total = 0
    begun = timezone.now()
    for number in range(120):  # a minute, looked at twice a second, which begins with all that may go at once
        now = begun + timedelta(seconds=number / 2)
        total += len(throttle.take(lease, per_minute, entries(4000), now=now).entries)
    assert 0.95 * per_minute <= total <= per_minute


def test_a_throttled_run_gets_what_it_may_and_goes_on_in_time(at_acme: Retailer, outbox: MemoryChannel) -> None:
    run = launched(40)
    tempo.throttle(run, 620)
    pipeline.work(seconds=20, retailer=at_acme)
    assert 20 <= len(outbox.sent) < 40
    held = Batch.objects.get()
    assert held.error == "Held to 620 messages a minute."
    time_passes(60)
    carry_on(at_acme)
    carry_on(at_acme)
    run.refresh_from_db()
    assert (len(outbox.sent), run.state) == (40, "completed")
    assert reports.report(run).balances


def test_lifting_it_calls_every_batch_at_once(at_acme: Retailer, outbox: MemoryChannel) -> None:
    run = launched(10)
    tempo.throttle(run, 1)
    pipeline.work(seconds=20, retailer=at_acme)
    assert len(outbox.sent) == 1
    tempo.throttle(run, None)
    pipeline.work(seconds=20, retailer=at_acme)
    assert len(outbox.sent) == 10


def test_a_worker_in_the_midst_of_a_batch_stops_where_the_throttle_changes(at_acme: Retailer) -> None:
    run = launched(3)
    pipeline.advance(run, now=timezone.now())
    lease = batches.claim(Batch.objects.get().pk)
    assert lease is not None
    assert batches.turn(lease, [], hand_from=0, hand_to=1)
    tempo.throttle(run, 5)
    assert not batches.turn(lease, [], hand_from=1, hand_to=2)
    assert Batch.objects.get().handed_to == 0


def test_a_cancelled_run_does_not_wait_for_its_throttle(at_acme: Retailer, outbox: MemoryChannel) -> None:
    run = launched(10)
    tempo.throttle(run, 1)
    pipeline.work(seconds=20, retailer=at_acme)
    configuration.cancel(run)
    pipeline.work(seconds=20, retailer=at_acme)
    assert reports.report(run).states == {"accepted": 1, "cancelled": 9}


def test_a_batch_behind_others_waits_until_they_have_had_theirs(at_acme: Retailer) -> None:
    run = launched(3)
    pipeline.advance(run, now=timezone.now())
    for number in range(1, 4):
        Batch.objects.create(run=run, step="first", number=number, due_at=timezone.now())
    tempo.throttle(run, 60_000)
    Throttle.objects.update(full_at=timezone.now() + timedelta(minutes=1))
    run.refresh_from_db()
    waits = []
    for batch in Batch.objects.order_by("pk"):
        lease = batches.claim(batch.pk)
        assert lease is not None
        until = throttle.full_until(lease)
        assert until is not None
        waits.append(until)
    assert waits == sorted(waits)
    assert waits[-1] - waits[0] > timedelta(seconds=1)


def test_a_run_that_has_ended_is_not_throttled(at_acme: Retailer, outbox: MemoryChannel) -> None:
    run = launched(1)
    pipeline.work(seconds=20, retailer=at_acme)
    with pytest.raises(NotAllowed, match="is completed"):
        tempo.throttle(run, 5)


def test_it_is_audited(at_acme: Retailer) -> None:
    run = launched(1)
    tempo.throttle(run, 5)
    entry = AuditEntry.objects.filter(action="throttle").get()
    assert (entry.before, entry.after) == (
        {"messages_per_minute": None},
        {"campaign": "welcome", "messages_per_minute": 5},
    )


def test_on_the_run_s_page(marketer: Callable[[Retailer], Client], acme: Retailer) -> None:
    with context.in_retailer(acme):
        run = launched(2)
    browser = marketer(acme)
    page = f"/admin/campaigns/run/{run.pk}/change/"
    browser.post(f"/admin/campaigns/run/{run.pk}/throttle/", {"per_minute": "1200"})
    assert "Held to 1,200 messages a minute." in browser.get(page).content.decode()
    refused = browser.post(f"/admin/campaigns/run/{run.pk}/throttle/", {"per_minute": "many"}, follow=True)
    assert "is no whole number" in refused.content.decode()
    browser.post(f"/admin/campaigns/run/{run.pk}/throttle/", {"per_minute": ""})
    assert "Held to" not in browser.get(page).content.decode()


def test_the_page_of_a_paused_run_tells_its_reason_and_does_not_say_that_it_is_tried_again(
    marketer: Callable[[Retailer], Client], acme: Retailer
) -> None:
    with context.in_retailer(acme):
        run = launched(2)
        pipeline.advance(run, now=timezone.now())
        Batch.objects.filter(run=run).update(error="The mail server refuses our name.")
    page = f"/admin/campaigns/run/{run.pk}/change/"
    browser = marketer(acme)
    assert (
        "Waiting: The mail server refuses our name. Nothing is lost; it is tried again."
        in browser.get(page).content.decode()
    )
    with context.in_retailer(acme):
        configuration.pause(run, reason="The mail server refuses our name.")
    told = browser.get(page).content.decode()
    assert "The mail server refuses our name." in told
    assert "it is tried again" not in told
