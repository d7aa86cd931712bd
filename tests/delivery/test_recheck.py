"""People are judged again in the moment before: by either list alone, and in the order of their messages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone

from campaigns import configuration, suppressions
from campaigns.models import Run
from delivery import batches, pipeline, recipients
from delivery.batches import Lease
from delivery.channels.memory import MemoryChannel
from delivery.models import Batch, Message
from tenants.models import Retailer
from tests import factories


@pytest.fixture
def lease(at_acme: Retailer, outbox: MemoryChannel) -> Lease:
    """On a batch of three messages that are about to go out."""
    factories.customers(3)
    run = configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.advance(Run.objects.select_related("version", "campaign").get(pk=run.pk), now=timezone.now())
    lease = batches.claim(Batch.objects.get(run=run).pk)
    assert lease is not None
    return lease


def drops(lease: Lease) -> dict[str, str]:
    return {entry.address: entry.drop for entry in recipients.recheck(lease)}


def by_retailer(address: str) -> None:
    suppressions.add(channel="email", address=address, reason="complaint", source="test")


def by_platform(address: str) -> None:
    suppressions.platform.add(suppressions.one("email", address), reason="legal", source="test")


@pytest.mark.parametrize("suppress", [by_retailer, by_platform])
def test_whoever_came_onto_a_list_since_gets_nothing_and_the_others_do(
    lease: Lease, suppress: Callable[[str], None]
) -> None:
    assert set(drops(lease).values()) == {""}
    suppress("somebody-else@example.test")
    assert set(drops(lease).values()) == {""}
    suppress("c2@example.test")
    assert drops(lease) == {"c1@example.test": "", "c2@example.test": "cancelled:suppressed", "c3@example.test": ""}


def test_a_run_that_was_cancelled_meanwhile_sends_to_nobody(lease: Lease) -> None:
    Run.objects.filter(pk=lease.run_id).update(state=Run.State.CANCELLED)
    assert set(drops(lease).values()) == {"cancelled:the run was cancelled"}


def test_messages_come_in_their_order_wherever_their_rows_lie(lease: Lease) -> None:
    Message.objects.filter(batch_id=lease.batch_id, position=0).update(attempts=1)  # its row moves behind the others
    assert [entry.position for entry in recipients.recheck(lease)] == [0, 1, 2]
