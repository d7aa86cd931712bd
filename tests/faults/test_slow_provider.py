"""A provider that lets every call wait until it is given up holds up its own retailer, and nobody else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from pytest_django import Settings

from campaigns.models import Run
from delivery import reports
from delivery.providers import accounts
from tenants import context, provisioning
from tenants.models import Retailer, Worker
from tests import processes
from tests.benchmarks.sink import SinkProcess
from tests.faults.test_worker_death import launched, wait_until_ended

WITHIN = 60.0  # seconds that anything is given to happen
PEOPLE, OTHERS = 1200, 30  # three batches, and one


class Silence:
    """A mail server that takes calls and says nothing: how many are waiting, and the most that ever were at once."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._changed = threading.Condition()
        self._waiting = self.most_at_once = 0
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def wait_for_a_call(self) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._waiting > 0, timeout=WITHIN)

    def close(self) -> None:
        self._listener.close()

    def _listen(self) -> None:
        with suppress(OSError):  # closed
            while True:
                caller, _ = self._listener.accept()
                threading.Thread(target=self._keep, args=[caller], daemon=True).start()

    def _keep(self, caller: socket.socket) -> None:
        self._note(1)
        with caller, suppress(OSError):
            while caller.recv(4096):
                pass
        self._note(-1)

    def _note(self, change: int) -> None:
        with self._changed:
            self._waiting += change
            self.most_at_once = max(self.most_at_once, self._waiting)
            self._changed.notify_all()


@pytest.fixture
def silence() -> Iterator[Silence]:
    started = Silence()
    yield started
    started.close()


@pytest.fixture
def neighbour(live_retailer: Retailer, django_db_blocker: Any) -> Iterator[Retailer]:
    """Committed, as the retailer beside it is."""
    with django_db_blocker.unblock():
        retailer = provisioning.provision("hooli", name="Hooli").retailer
        try:
            yield retailer
        finally:
            provisioning.remove(retailer)
            Worker.objects.all().delete()


def comes_true(holds: Callable[[], bool]) -> bool:
    pause = threading.Event()
    return any(holds() or pause.wait(0.1) for _ in range(round(WITHIN / 0.1)))


def test_a_provider_that_never_answers_holds_one_of_two_workers_and_its_neighbours_are_served(
    live_retailer: Retailer, neighbour: Retailer, silence: Silence, settings: Settings
) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = True
    told = {"host": "127.0.0.1", "port": silence.port, "security": "none"}
    with context.in_retailer(live_retailer):
        accounts.save({"key": "slow", "channel": "email", "kind": "smtp", "settings": told, "timeout": 18})
    Worker.objects.all().delete()  # those of other tests are gone, and would count as being there
    with SinkProcess() as sink:
        env = processes.environment(EMAIL_URL=sink.url, ALLOW_PRIVATE_ADDRESSES="1")
        with processes.worker(env), processes.worker(env):
            assert comes_true(lambda: Worker.objects.count() == 2)
            held = launched(live_retailer, PEOPLE)
            assert silence.wait_for_a_call()
            report = wait_until_ended(launched(neighbour, OTHERS), neighbour, seconds=WITHIN)
    assert (report.run.state, report.states) == (Run.State.COMPLETED, {"accepted": OTHERS})
    assert silence.most_at_once == 1
    with context.in_retailer(live_retailer):
        assert reports.report(held).in_flight == PEOPLE
