"""A web server that is killed in the middle of a storm of opens and clicks: what it acknowledged is there."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.conf import settings

from tenants.models import Retailer
from tests import processes
from tests.benchmarks import hits
from tests.benchmarks.storm import Answered, storm

MESSAGES, CALLERS, ENOUGH = 1500, 8, 100  # answers, before it is killed


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def server(live_retailer: Retailer, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """As an installation serves, with two processes of 8 threads; on a busy machine too it sends nobody away."""
    web = [
        sys.executable,
        "-m",
        "gunicorn",
        "tests.benchmarks.patient_wsgi",
        "--bind",
        f"127.0.0.1:{port}",
        "--no-control-socket",
    ]
    env = processes.environment(SECRET_KEY=settings.SECRET_KEY)
    process = subprocess.Popen(
        [*web, "--threads", "8", "--workers", "2", "--log-level", "warning"],
        cwd=processes.PROJECT, env=env, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        processes.kill(process)


def test_what_was_acknowledged_outlives_the_server(
    live_retailer: Retailer, server: subprocess.Popen[bytes], port: int
) -> None:
    messages = hits.send(live_retailer, MESSAGES)
    asked = hits.requests(live_retailer, messages)
    _await_listening(server, port)

    def kill_in_the_middle(so_far: Answered) -> None:
        if len(so_far.statuses) >= ENOUGH and server.poll() is None:
            processes.kill(server)

    answered = storm(asked, port=port, callers=CALLERS, seconds=30, meanwhile=kill_in_the_middle)
    assert server.poll() is not None
    assert answered.broken
    assert len(answered.statuses) >= ENOUGH
    assert set(answered.statuses.values()) <= set(hits.ACKNOWLEDGED)
    assert hits.lost(live_retailer, messages, answered) == 0


def _await_listening(server: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(600):
        with socket.socket() as attempt:
            attempt.settimeout(0.1)
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        if server.poll() is not None:
            break
        with pytest.raises(subprocess.TimeoutExpired):
            server.wait(0.1)
    pytest.fail("the web server did not start")
