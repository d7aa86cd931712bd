"""Workers that die or freeze: nobody is lost, nobody is mailed twice, and what cannot be known says so."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from django.utils import timezone

from campaigns import configuration
from campaigns.models import Run
from delivery import identity, pace, reports
from delivery.models import Message
from tenants import context
from tenants.models import Retailer
from tests import factories, processes
from tests.benchmarks.sink import SinkProcess

PEOPLE = 4000
LEASE = "3"  # seconds: what recovery takes


@pytest.fixture
def sink() -> Iterator[SinkProcess]:
    with SinkProcess() as started:
        yield started


def launched(retailer: Retailer, people: int = PEOPLE) -> Run:
    with context.in_retailer(retailer):
        factories.customers(people)
        return configuration.launch(factories.campaign(), by="test", now=timezone.now())


def wait_until_ended(run: Run, retailer: Retailer, *, seconds: float = 60) -> reports.Report:
    deadline = time.monotonic() + seconds
    with context.in_retailer(retailer):
        while run.state != Run.State.COMPLETED and time.monotonic() < deadline:
            threading.Event().wait(0.1)
            run.refresh_from_db()
        return reports.report(run)


def keys_by_state(run: Run, retailer: Retailer) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    with context.in_retailer(retailer):
        for pk, state in Message.objects.filter(run=run).values_list("pk", "state"):
            found.setdefault(state, set()).add(identity.public_id(retailer, pk))
    return found


def test_workers_killed_mid_batch_lose_nobody_and_mail_nobody_twice(live_retailer: Retailer, sink: SinkProcess) -> None:
    env = processes.environment(EMAIL_URL=sink.url, LEASE_SECONDS=LEASE)
    run = launched(live_retailer)
    kills = 0
    for reached in (300, 1200, 2500):
        with processes.worker(env) as worker, processes.worker(env):
            assert sink.wait_for(reached, seconds=60) >= reached
            processes.kill(worker)
            kills += 2  # leaving the block kills the other one
    with processes.worker(env):
        report = wait_until_ended(run, live_retailer)

    arrived = Counter(received.key for received in sink.received())
    states = keys_by_state(run, live_retailer)
    assert report.run.state == Run.State.COMPLETED
    assert report.balances
    assert set(states) <= {"accepted", "unknown"}
    assert len(states["accepted"]) + len(states.get("unknown", ())) == PEOPLE
    assert [key for key, times in arrived.items() if times > 1] == []
    assert states["accepted"] <= set(arrived)
    assert set(arrived) - states["accepted"] <= states.get("unknown", set())
    assert len(states.get("unknown", ())) <= kills * pace.MOST


def test_frozen_worker_that_wakes_up_late_mails_nobody_twice(live_retailer: Retailer, sink: SinkProcess) -> None:
    env = processes.environment(EMAIL_URL=sink.url, LEASE_SECONDS=LEASE)
    run = launched(live_retailer)
    with processes.worker(env) as frozen:
        assert sink.wait_for(500, seconds=60) >= 500
        os.killpg(frozen.pid, signal.SIGSTOP)
        with processes.worker(env):
            wait_until_ended(run, live_retailer)
            os.killpg(frozen.pid, signal.SIGCONT)
            with processes.worker(env):
                report = wait_until_ended(run, live_retailer)

    arrived = Counter(received.key for received in sink.received())
    states = keys_by_state(run, live_retailer)
    assert report.balances
    assert [key for key, times in arrived.items() if times > 1] == []
    assert states["accepted"] <= set(arrived)
    assert len(states.get("unknown", ())) <= pace.MOST
