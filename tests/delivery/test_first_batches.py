"""A run's first batches are there before the rest is made, and workers who slept are woken for them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.utils import timezone

from campaigns import configuration
from campaigns.models import Run
from delivery import messages, pipeline
from delivery.models import Batch, Message
from tenants import bell
from tenants.models import Retailer
from tests import factories

pytestmark = pytest.mark.django_db
Captured = Callable[..., AbstractContextManager[list[Any]]]


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many workers were woken, each time. Batches have two messages, slices two batches and then three."""
    for name, size in (("BATCH_SIZE", 2), ("FIRST", 4), ("SLICE", 6)):
        monkeypatch.setattr(messages, name, size)
    times: list[int] = []
    monkeypatch.setattr(bell, "_send", times.append)
    return times


def launched(customers: int) -> Run:
    factories.customers(customers)
    return configuration.launch(factories.campaign(), by="test", now=timezone.now())


@pytest.mark.parametrize(("customers", "woken"), [(1, []), (2, []), (3, [1]), (4, [1]), (10, [1]), (13, [1])])
def test_others_are_woken_once_for_what_one_worker_cannot_do_alone(
    at_acme: Retailer,
    rung: list[int],
    django_capture_on_commit_callbacks: Captured,
    customers: int,
    woken: list[int],
) -> None:
    run = launched(customers)
    with django_capture_on_commit_callbacks(execute=True):
        pipeline.advance(run, now=timezone.now())
    assert rung == woken
    assert Message.objects.filter(run=run).count() == customers
    assert [batch.messages.count() for batch in Batch.objects.order_by("number")] == [
        min(2, customers - start) for start in range(0, customers, 2)
    ]


def test_nobody_is_woken_again_for_what_is_made_already(
    at_acme: Retailer, rung: list[int], django_capture_on_commit_callbacks: Captured
) -> None:
    run = launched(5)
    pipeline.advance(run, now=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        pipeline.advance(Run.objects.get(pk=run.pk), now=timezone.now())
    assert rung == []
