"""The processes of one installation, in the foreground: embedded services, workers, scheduler, poll and web.

A process that ends by itself is started again; all of them stop, in order, with the one that started them.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings

from marketing.celery import app
from marketing.embedded import broker, children
from marketing.inbox import process as inbox

GIVE_UP_AFTER = 5  # ends in a row within HEALTHY_AFTER seconds of a start
HEALTHY_AFTER = 10.0


class KeepsEnding(RuntimeError):
    """One of the processes ends again and again."""


@dataclass
class _Child:
    name: str
    start: Callable[[], subprocess.Popen[str]]
    process: subprocess.Popen[str]
    started: float = field(default_factory=time.monotonic)
    quick_ends: int = 0


class Processes:
    """`start` everything, `watch` until told to stop, `stop` in reverse order."""

    def __init__(self, *, port: int, workers: int, host: str = "127.0.0.1") -> None:
        self._port, self._workers, self._host = port, workers, host
        self._services: list[subprocess.Popen[str]] = []
        self._children: list[_Child] = []

    def start(self) -> None:
        self._start_services()
        # Development as root is common (containers); Celery's page-long warning about it helps nobody here.
        celery = [sys.executable, "-W", "ignore:::celery.platforms", "-m", "celery", "-A", "marketing", "--quiet"]
        quiet = ["--loglevel", "WARNING"]
        fewer_messages = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        self._start("worker", [*celery, "worker", "--concurrency", str(self._workers), *quiet, *fewer_messages])
        self._start("beat", [*celery, "beat", *quiet, "--pidfile="])
        self._start("poll", [sys.executable, "manage.py", "poll"])
        self._start("web", self._web_command())

    def await_workers(self, *, seconds: float) -> bool:
        """Whether a worker answers within that time. Without one the poll does the work, only slower."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if app.control.ping(timeout=0.3):
                return True
        return False

    def watch(self, until: threading.Event) -> None:
        """Restart what ends. Raises KeepsEnding."""
        while not until.wait(0.5):
            for child in self._children:
                if child.process.poll() is not None:
                    self._restart(child)

    def stop(self) -> None:
        for child in reversed(self._children):
            child.process.terminate()  # together, so that slow ones do not queue up
        for child in reversed(self._children):
            children.stop(child.process)
        for service in reversed(self._services):
            children.stop(service)

    def _start_services(self) -> None:
        if settings.CELERY_BROKER_URL.startswith("redis+socket:"):
            self._services += filter(None, [broker.ensure(settings.BANNERLINE_HOME)])
        if not settings.EMAIL_URL:
            self._services += filter(None, [inbox.ensure(settings.BANNERLINE_HOME).process])

    def _start(self, name: str, command: list[str]) -> None:
        def start() -> subprocess.Popen[str]:
            return children.spawn(command, env={"PORT": str(self._port)}, stdout=subprocess.DEVNULL)

        self._children.append(_Child(name, start, start()))

    def _restart(self, child: _Child) -> None:
        lived = time.monotonic() - child.started
        child.quick_ends = child.quick_ends + 1 if lived < HEALTHY_AFTER else 0
        if child.quick_ends >= GIVE_UP_AFTER:
            raise KeepsEnding(f"{child.name} keeps ending (last exit code {child.process.returncode}); see its output.")
        child.process, child.started = child.start(), time.monotonic()

    def _web_command(self) -> list[str]:
        gunicorn = [sys.executable, "-m", "gunicorn", "marketing.wsgi", "--bind", f"{self._host}:{self._port}"]
        return [*gunicorn, "--threads", "8", "--log-level", "warning", "--no-control-socket"]
