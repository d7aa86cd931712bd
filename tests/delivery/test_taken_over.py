"""What a dead worker had in hand is gone on with before anything new is begun, however much there is of that."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns import configuration
from delivery import identity, messages, pipeline
from delivery.channels.memory import MemoryChannel
from delivery.models import Batch, Message
from tenants.models import AgendaItem, Retailer
from tests import factories


def test_batch_of_a_dead_worker_goes_before_what_is_not_begun(
    at_acme: Retailer, outbox: MemoryChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "BATCH_SIZE", 10)
    factories.customers(30)
    run = configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.advance(run, now=timezone.now())
    first, *others = Batch.objects.order_by("pk").values_list("pk", flat=True)
    ends = timezone.now() + timedelta(seconds=60)
    Batch.objects.filter(pk=first).update(state=Batch.State.CLAIMED, epoch=1, lease_until=ends)
    announced = AgendaItem.objects.get(kind="batch", object_id=first).due_at
    AgendaItem.objects.filter(kind="batch").exclude(object_id=first).update(due_at=announced + timedelta(hours=1))
    pipeline.work(seconds=30)  # finds that it is leased
    item = AgendaItem.objects.get(kind="batch", object_id=first)
    assert (item.due_at, item.claimed_until) == (announced, ends)
    past = timezone.now() - timedelta(seconds=1)
    Batch.objects.filter(pk=first).update(lease_until=past)
    AgendaItem.objects.filter(kind="batch", object_id=first).update(claimed_until=past)
    AgendaItem.objects.filter(kind="batch", object_id__in=others).update(due_at=announced + timedelta(milliseconds=1))
    pipeline.work(seconds=30)
    people = [
        identity.public_id(at_acme, pk) for pk in Message.objects.filter(batch=first).values_list("pk", flat=True)
    ]
    assert sorted(message.key for message in outbox.sent[:10]) == sorted(people)
    assert len(outbox.sent) == 30
