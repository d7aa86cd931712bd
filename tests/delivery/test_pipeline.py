"""A run through its four stages, in one process."""

from __future__ import annotations

import pytest
from django.utils import timezone
from pytest_django import Settings

from campaigns import configuration
from campaigns.models import Run
from delivery import pipeline, providers, reports
from delivery.channels.memory import MemoryChannel
from tenants import context
from tenants.models import Retailer
from tests import factories


@pytest.fixture
def outbox(settings: Settings, acme: Retailer) -> MemoryChannel:
    settings.EMAIL_URL = "memory://acme"
    channel = providers.channel(acme, "email")
    assert isinstance(channel, MemoryChannel)
    channel.sent.clear()
    return channel


def launch(**parts: object) -> Run:
    return configuration.launch(factories.campaign(**parts), by="test", now=timezone.now())


def test_run_reaches_everyone_once_and_completes(acme: Retailer, outbox: MemoryChannel) -> None:
    with context.in_retailer(acme):
        factories.customers(1200)
        run = launch()
        pipeline.work(seconds=30, retailer=acme)
        run.refresh_from_db()
        report = reports.report(run)
    assert run.state == Run.State.COMPLETED
    assert report.states == {"accepted": 1200}
    assert report.balances
    assert sorted(m.recipient for m in outbox.sent) == sorted(f"c{n}@example.test" for n in range(1, 1201))
