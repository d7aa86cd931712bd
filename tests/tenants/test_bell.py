"""The bell rings once: a broker that is away holds nobody up who has just saved something."""

from __future__ import annotations

import logging
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from celery import current_app

from tenants import bell

Captured = Callable[..., AbstractContextManager[list[Any]]]


@pytest.fixture
def callers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Who called at a broker that hangs up on everybody: one number a call."""
    called: list[int] = []
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as door:  # short: a socket's path is
        door.bind(str(Path(folder) / "broker.sock"))
        door.listen()
        monkeypatch.setitem(current_app.conf, "broker_write_url", f"redis+socket://{folder}/broker.sock")
        monkeypatch.setattr(current_app.amqp, "_producer_pool", None)
        doorkeeper = threading.Thread(target=_hang_up, args=(door, called))
        doorkeeper.start()
        yield called
        door.shutdown(socket.SHUT_RDWR)  # wakes whoever waits for the next
        doorkeeper.join()


def _hang_up(door: socket.socket, called: list[int]) -> None:
    while True:
        try:
            caller, _ = door.accept()
        except OSError:
            return
        called.append(len(called))
        caller.close()


@pytest.mark.usefixtures("db")
def test_a_broker_that_is_away_is_called_once(
    callers: list[int], django_capture_on_commit_callbacks: Captured, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "tenants.bell"), django_capture_on_commit_callbacks(execute=True):
        bell.ring(times=3)
    assert callers == [0]
    assert "the poll will find the work" in caplog.text
