"""A message whose rendering ends workers fails after three, and everybody else's goes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from django.utils import timezone

from campaigns import configuration, inspection
from campaigns.models import Campaign, Run
from delivery import batches, dispatch, pipeline, rendering
from delivery.channels.memory import MemoryChannel
from delivery.models import Batch, Message
from delivery.rendering import Rendered, Renderer
from tenants.models import Retailer
from tests import factories

PEOPLE = 12


class WorkerDied(BaseException):
    """Nothing handles it, as nothing handles a process that is killed: the lease stays as it was."""


@pytest.fixture
def deadly(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Customers whose rendering ends the worker."""
    deadly: list[str] = []
    render = Renderer.render

    def dying(renderer: Renderer, context: Mapping[str, Any]) -> Rendered:
        if context["customer"]["external_id"] in deadly:
            raise WorkerDied
        return render(renderer, context)

    monkeypatch.setattr(rendering.Renderer, "render", dying)
    return deadly


def planned() -> Batch:
    factories.customers(PEOPLE)
    run = configuration.launch(factories.campaign(), by="test", now=timezone.now())
    plan(run.pk)
    return Batch.objects.get(run=run)


def plan(run_id: int) -> None:

    pipeline.advance(Run.objects.select_related("version", "campaign").get(pk=run_id), now=timezone.now())


def worker(batch: Batch, retailer: Retailer) -> bool:
    """One worker's life with the batch; True when it died, and its lease has run out since."""
    try:
        dispatch.deliver(batch.pk, retailer=retailer, now=timezone.now())
    except WorkerDied:
        Batch.objects.filter(pk=batch.pk).update(lease_until=timezone.now())
        return True
    return False


def lives(batch: Batch, retailer: Retailer) -> int:
    """How many workers die until one does not."""
    deaths = 0
    while worker(batch, retailer):
        deaths += 1
        assert deaths < 10
    return deaths


def test_the_message_fails_after_three_deaths_and_all_others_go_out(
    at_acme: Retailer, outbox: MemoryChannel, deadly: list[str]
) -> None:
    batch = planned()
    deadly.append("c7")
    assert lives(batch, at_acme) == batches.DEATHS
    failed = Message.objects.get(state="failed")
    assert failed.customer.external_id == "c7"
    assert failed.reason == batches.QUARANTINED
    assert Message.objects.filter(state="accepted").count() == PEOPLE - 1
    assert sorted(mail.recipient for mail in outbox.sent) == sorted(
        f"c{n}@example.test" for n in range(1, PEOPLE + 1) if n != 7
    )
    batch.refresh_from_db()
    assert (batch.state, batch.attempts, batch.error) == ("done", 0, "")


def test_the_first_of_a_batch_can_be_the_deadly_one_and_there_can_be_several(
    at_acme: Retailer, outbox: MemoryChannel, deadly: list[str]
) -> None:
    batch = planned()
    deadly += ["c1", "c5", "c12"]
    assert lives(batch, at_acme) <= batches.DEATHS + 2
    assert set(Message.objects.filter(state="failed").values_list("customer__external_id", flat=True)) == set(deadly)
    assert len(outbox.sent) == PEOPLE - 3


def test_a_worker_that_died_of_something_else_costs_nobody_a_message(
    at_acme: Retailer, outbox: MemoryChannel, deadly: list[str]
) -> None:
    batch = planned()
    deadly.append("c3")
    assert worker(batch, at_acme)
    deadly.clear()
    assert lives(batch, at_acme) == 0
    assert Message.objects.filter(state="accepted").count() == PEOPLE
    assert len(outbox.sent) == PEOPLE


def test_workers_killed_at_one_message_after_the_other_cost_nobody_a_message(
    at_acme: Retailer, outbox: MemoryChannel, deadly: list[str]
) -> None:
    """As where somebody kills workers, whatever they do: none of those messages ends two in a row."""
    batch = planned()
    for victim in ("c1", "c2", "c4", "c5", "c9", "c12"):
        deadly.append(victim)
        assert worker(batch, at_acme)
        deadly.clear()
    assert lives(batch, at_acme) == 0
    assert Message.objects.filter(state="accepted").count() == PEOPLE
    assert len(outbox.sent) == PEOPLE


def test_another_campaign_is_not_touched(at_acme: Retailer, outbox: MemoryChannel, deadly: list[str]) -> None:
    batch = planned()
    other = configuration.launch(Campaign.objects.get(), by="test", now=timezone.now())
    plan(other.pk)
    deadly.append("c2")
    assert worker(batch, at_acme)
    deadly.clear()
    assert not worker(Batch.objects.get(run=other), at_acme)
    assert Message.objects.filter(run=other, state="accepted").count() == PEOPLE


def test_checks_that_end_workers_are_blamed_on_the_message_as_well(
    at_acme: Retailer, outbox: MemoryChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They render for made-up people before the first message: three workers die of it, and no fourth for that one."""
    batch = planned()
    left = iter(range(batches.DEATHS))

    def dying(*_: Any) -> list[Any]:
        if next(left, None) is not None:
            raise WorkerDied
        return []

    monkeypatch.setattr(inspection, "unfit", dying)
    assert lives(batch, at_acme) == batches.DEATHS
    assert Message.objects.get(state="failed").reason == batches.QUARANTINED
    assert Message.objects.filter(state="accepted").count() == PEOPLE - 1
