"""What the providers know, asked of their process."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple, Self

from tests.processes import PROJECT

_LOOK_EVERY = 0.05  # seconds


class Taken(NamedTuple):
    """A message that a provider took: from then on it counts as sent. `at` is seconds of the clock of day."""

    at: float
    key: str
    recipient: str
    sender: str


@dataclass(frozen=True)
class Account:
    """What one account took, in order, how often what befell a try, and the recipients of tries after which nobody but
    the provider can know whether it took them: no answer came, none in time, or one that leaves it open.
    """

    taken: list[Taken]
    counts: dict[str, int]
    doubtful: frozenset[str] = frozenset()


class Truth:
    """The providers' process, for a `with` block. `accounts` says which protocol each speaks. Any thread may ask."""

    def __init__(self, accounts: Mapping[str, str], *, seed: int) -> None:
        self._told = json.dumps({"seed": seed, "accounts": dict(accounts)})
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.faults.providers", self._told]
        self._process = subprocess.Popen(
            command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self.ports: dict[str, int] = self._line()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def counts(self) -> dict[str, int]:
        """Messages that each account took so far."""
        return dict(self._ask(do="count"))

    def count(self) -> int:
        return sum(self.counts().values())

    def wait_for(self, count: int, *, seconds: float) -> int:
        """The number of messages taken in all, once it has reached `count` or the time is over."""
        deadline, pause = time.monotonic() + seconds, threading.Event()
        while (taken := self.count()) < count and time.monotonic() < deadline:
            pause.wait(_LOOK_EVERY)
        return taken

    def weather(self, weather: str) -> None:
        """`calm` or `storm`."""
        self._ask(do="weather", weather=weather)

    def ledger(self) -> dict[str, Account]:
        told = self._ask(do="ledger")
        return {
            name: Account([Taken(*row) for row in account["taken"]], account["counts"], frozenset(account["doubtful"]))
            for name, account in told.items()
        }

    def _ask(self, **order: str) -> Any:
        with self._lock:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return self._line()

    def _line(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())
