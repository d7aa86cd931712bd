"""What comes back moves a warm-up: it is slowed, held, taken back."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from campaigns import audience
from delivery import batches, messages, recipients
from delivery.channels.memory import MemoryChannel
from delivery.models import Batch, Message, SenderDomain, Signal, WarmUpPick, WarmUpShare
from delivery.warmup import picking
from tenants import context
from tenants.accounts.models import AuditEntry
from tenants.models import AgendaItem
from tests import factories
from tests.delivery.warmup.warming import begin, launch, work_off


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
    picking.allowed(lease, recipients.recheck(lease), domain, zone=zone, now=now)
    before = WarmUpPick.objects.count()
    settled(domain, 200, bounced=700)  # of 2,200: everybody else got it too
    picking.allowed(lease, recipients.recheck(lease), domain, zone=zone, now=now + timedelta(seconds=61))
    today = now.astimezone(zone).date()
    assert 0 < WarmUpPick.objects.filter(day=today).count() < before
