"""The server's process: started when needed, found again by its address file, gone with whoever started it."""

from __future__ import annotations

import fcntl
import json
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from marketing.embedded import children
from marketing.inbox.server import ADDRESS_FILE, banner

LOG_FILE = "inbox.log"
STARTS_WITHIN = 30.0  # seconds
_ANSWERS_WITHIN = 2.0


class InboxNotStarted(RuntimeError):
    """The inbox's server ended before it was listening; its own words follow."""


@dataclass(frozen=True)
class Address:
    """Where the inbox listens. `process` is set for the caller that started it: hand it to `stop`."""

    host: str
    port: int
    process: subprocess.Popen[str] | None = field(default=None, compare=False, repr=False)

    @property
    def url(self) -> str:
        """As EMAIL_URL has it."""
        return f"smtp://{self.host}:{self.port}"


def ensure(home: Path) -> Address:
    """The running inbox under `home`, started when there is none. Raises InboxNotStarted.

    The kernel ends the server when the thread that started it ends: call this from one that stays.
    """
    home.mkdir(parents=True, exist_ok=True)
    with _alone(home):
        return running(home) or _start(home)


def running(home: Path) -> Address | None:
    """The inbox under `home` if it answers, and answers as the process that its address file names."""
    try:
        known = json.loads((home / ADDRESS_FILE).read_text())
        address = Address(str(known["host"]), int(known["port"]))
        greeting = _greeting(address)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return address if greeting.rstrip().endswith(banner(int(known["pid"])).encode()) else None


def stop(process: subprocess.Popen[str] | None) -> None:
    """End a server that `ensure` started, and wait for its end. None, for one that somebody else started, is left."""
    if process is None:
        return
    children.stop(process, seconds=10)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Of several processes that want an inbox at once, one starts it."""
    with (home / "inbox.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _start(home: Path) -> Address:
    with (home / LOG_FILE).open("w") as log:
        process = children.spawn(
            [sys.executable, "-m", "marketing.inbox", "--home", str(home.resolve())], stdout=subprocess.PIPE, stderr=log
        )
    assert process.stdout is not None
    with process.stdout as said:
        ready, _, _ = select.select([said], [], [], STARTS_WITHIN)
        line = said.readline() if ready else ""
    if not line:
        stop(process)
        raise InboxNotStarted((home / LOG_FILE).read_text().strip() or f"no answer within {STARTS_WITHIN:.0f} s")
    known = json.loads(line)
    return Address(known["host"], known["port"], process)


def _greeting(address: Address) -> bytes:
    with socket.create_connection((address.host, address.port), timeout=_ANSWERS_WITHIN) as connection:
        return connection.makefile("rb").readline(512)
