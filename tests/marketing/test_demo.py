"""The demo as a newcomer runs it: its own Postgres, broker, inbox, workers and web, and nothing left over."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from marketing.inbox.store import Inbox
from tests.processes import PROJECT

EMBEDDED = ("DATABASE_URL", "CELERY_BROKER_URL", "EMAIL_URL", "CACHE_URL", "SECRET_KEY", "BASE_DOMAIN", "DEBUG", "PORT")


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bl-") as folder:  # short: a socket lives below it
        os.chmod(folder, 0o755)  # as root, Postgres runs as another user
        yield Path(folder)


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in EMBEDDED}
    return kept | {"BANNERLINE_HOME": str(home), "PYTHONUNBUFFERED": "1"}


def left_over(home: Path) -> list[str]:
    """Processes that know this home from their command line or environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(home) in " ".join(process.cmdline()) or process.environ().get("BANNERLINE_HOME") == str(home):
                found.append(" ".join(process.cmdline())[:100])
        except psutil.Error:
            continue
    return found


def until_gone(home: Path, *, seconds: float) -> list[str]:
    deadline = time.monotonic() + seconds
    while (found := left_over(home)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def demo(home: Path, port: int) -> str:
    command = [sys.executable, "manage.py", "demo", "--exit", "--customers", "80", "--retailers", "2"]
    done = subprocess.run(
        [*command, "--port", str(port)], cwd=PROJECT, env=environment(home), capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def accepted(printed: str) -> int:
    row = re.search(r"accepted\s+│\s+([\d,]+)\s+│\s+([\d,]+)", printed)
    assert row
    return sum(int(number.replace(",", "")) for number in row.groups())


def test_demo_mails_everyone_once_each_time_and_leaves_nothing_running(home: Path, port: int) -> None:
    first = accepted(demo(home, port))
    with Inbox(home) as inbox:
        assert inbox.count() == first > 20
    assert until_gone(home, seconds=20) == []

    second = accepted(demo(home, port))
    with Inbox(home) as inbox:
        assert inbox.count() == first + second
    assert until_gone(home, seconds=20) == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_up_serves_until_it_is_told_to_stop_and_takes_everything_with_it(
    home: Path, port: int, how: signal.Signals
) -> None:
    command = [sys.executable, "manage.py", "up", "--port", str(port)]
    up = subprocess.Popen(command, cwd=PROJECT, env=environment(home), start_new_session=True)
    try:
        assert answer(port, seconds=60) == "ok"
        os.killpg(up.pid, how)
        assert up.wait(timeout=40) == 0
    finally:
        up.kill()
        up.wait()
    assert until_gone(home, seconds=20) == []


def answer(port: int, *, seconds: float) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as response:
                return str(response.read().decode())
        except OSError:
            time.sleep(0.1)
    return "no answer"
