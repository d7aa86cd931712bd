"""What a trial breaks: worker processes, clocks and the poll, Postgres, and the broker."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
import redis

from marketing.embedded import broker, children, postgres

LEASE = 5  # seconds, of the workers of a trial: so soon others take over
LANES = 2  # processes of each worker
_CELERY = [sys.executable, "-W", "ignore:::celery.platforms", "-m", "celery", "-A", "marketing", "--quiet"]
_ALONE = ["--without-gossip", "--without-mingle", "--without-heartbeat"]


def worker(name: str) -> list[str]:
    return [*_CELERY, "worker", "-n", f"{name}@here", "--concurrency", str(LANES), "--loglevel", "WARNING", *_ALONE]


BEAT = [*_CELERY, "beat", "--loglevel", "WARNING", "--pidfile="]
POLL = [sys.executable, "manage.py", "poll"]
EAGER_POLL = [*POLL, "--every", "0.05", "--overdue-by", "0"]


class Machine:
    """A process that is started again when it ends, as an installation does it; in Postgres it goes by its name."""

    def __init__(self, name: str, command: Sequence[str], *, lease: int | None = LEASE) -> None:
        self.name, self._command = name, command
        self._env = {"PGAPPNAME": name} | ({"LEASE_SECONDS": str(lease)} if lease else {})
        self._log = Path(os.environ["BANNERLINE_HOME"]) / f"{name}.log"
        self.start()

    def start(self) -> None:
        with self._log.open("a") as log:
            self._process = children.spawn(self._command, env=self._env, stdout=log, stderr=subprocess.STDOUT)

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    @property
    def last_words(self) -> str:
        return "\n".join(self._log.read_text().splitlines()[-8:])

    def lanes(self) -> list[int]:
        """The processes that do the work."""
        try:
            return sorted(child.pid for child in psutil.Process(self._process.pid).children())
        except psutil.NoSuchProcess:
            return []

    def kill(self) -> None:
        """SIGKILL for it and all its lanes."""
        if not self.has_ended:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        os.killpg(self._process.pid, number)


class Fleet:
    """Machines that are kept running, for a `with` block: two workers, three clocks and the poll."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._ready = threading.Event()

    def __enter__(self) -> Self:
        self._keeper = threading.Thread(target=self._keep)
        self._keeper.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._keeper.join()

    @property
    def workers(self) -> list[Machine]:
        return self._machines[:2]

    def kill_someone(self, draw: random.Random) -> str:
        """A lane mostly, the whole of a worker now and then, seldom a clock or the poll. Says whom."""
        chance = draw.random()
        if chance < 0.85:
            lanes = [lane for each in self.workers for lane in each.lanes()]
            if lanes and _kill(draw.choice(lanes)):
                return "lanes"
        elif chance < 0.95:
            draw.choice(self.workers).kill()
            return "workers"
        else:
            draw.choice(self._machines[2:]).kill()
            return "clocks and polls"
        return ""

    def last_words(self) -> str:
        return "\n".join(f"{each.name}: {each.last_words}" for each in self._machines)

    def _keep(self) -> None:
        """From a thread that stays to the end: the kernel ends what it started when it goes."""
        self._machines = [Machine(f"worker-{n}", worker(f"worker-{n}")) for n in (1, 2)]
        self._machines += [Machine(f"beat-{n}", BEAT) for n in (1, 2, 3)]
        self._machines.append(Machine("poll", POLL))
        self._ready.set()
        while not self._over.wait(0.1):
            for machine in self._machines:
                if machine.has_ended:
                    machine.start()
        for machine in self._machines:
            machine.kill()


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


class Database:
    """The trial's own Postgres. Whoever of the harness uses it meanwhile holds `in_use`."""

    def __init__(self) -> None:
        self._home = Path(os.environ["BANNERLINE_HOME"])
        self.in_use = threading.RLock()

    def kill(self) -> None:
        """SIGKILL for the server and every connection's process."""
        server = psutil.Process(int((self._home / "postgres" / "postmaster.pid").read_text().split()[0]))
        family = [server, *server.children(recursive=True)]
        for process in family:
            _kill(process.pid)
        psutil.wait_procs(family, timeout=10)

    def start(self) -> None:
        postgres.restart(self._home)


class Broker:
    """The trial's own."""

    def __init__(self) -> None:
        self._home = Path(os.environ["BANNERLINE_HOME"])
        self._process: subprocess.Popen[str] | None = None

    def _client(self) -> Any:
        return redis.Redis(unix_socket_path=str(self._home / "broker.sock"), socket_timeout=2)

    def flush(self) -> bool:
        """Forget everything: False while it is down."""
        try:
            self._client().flushall()
        except (redis.RedisError, OSError):
            return False
        return True

    def kill(self) -> None:
        pid = int(self._client().info("server")["process_id"])
        _kill(pid)
        if self._process:
            self._process.wait()
        while broker.answers(self._home):
            time.sleep(0.01)

    def start(self) -> None:
        self._process = broker.ensure(self._home)

    def stop(self) -> None:
        """The end of the trial: nothing of ours stays."""
        if self._process:
            children.stop(self._process)
