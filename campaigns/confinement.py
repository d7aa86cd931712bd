"""Work apart: in child processes that the operating system bounds in memory and time.

For what a marketer has just written. The language bounds what a template can cost; should one get past it, a child
dies of it, and whoever asked is told. A few warm children per process, JSON lines over their pipes, and nothing of our
environment in them. A child runs a module that calls `serve`; whoever asks holds `Children` of that module.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

SECONDS = 2  # of processor time, for one question
MEMORY = 256 * 1024 * 1024  # bytes beyond what a child takes when it has started
MOST = 3  # children of a process at once: while one is busy with what is hostile, others answer
_MOST_ANSWER = 32 * 1024 * 1024  # bytes; three parts of a message, each character as an escape, come to less
_PATIENCE = 4.0  # times as many seconds may pass meanwhile, on a machine that is busy with something else
_START_SECONDS = 20.0
_PROJECT = Path(__file__).resolve().parent.parent


class TooMuch(RuntimeError):
    """The child was ended over a question; the message says of what, and the cure."""


@dataclass
class _Idle:
    """Of the process that started them: a fork begins with none."""

    turns: BoundedSemaphore
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)


class Children:
    """Those that run a module of ours, started when they are first needed."""

    def __init__(self, module: str, *, most: int = MOST) -> None:
        self._module = module
        self._most = most
        self._by_process: dict[int, _Idle] = {}

    def ask(self, task: str, *given: Any, seconds: int = SECONDS) -> Any:
        """What the task answers. `given` and the answer are what JSON can say.

        Raises TooMuch where it takes more processor time than that, or more memory than a child may have.
        """
        asked = json.dumps([task, seconds, given]).encode() + b"\n"
        with self._one() as child:
            try:
                return json.loads(_exchange(child, asked, seconds=_PATIENCE * seconds))
            except (OSError, ValueError, TimeoutError) as trouble:
                is_slow = _end(child) == -signal.SIGXCPU or isinstance(trouble, TimeoutError)
                cause = f"takes longer than {seconds} seconds" if is_slow else f"needs more than {MEMORY // 2**20} MB"
                raise TooMuch(f"the template {cause}: write it simpler") from None

    @contextmanager
    def _one(self) -> Iterator[subprocess.Popen[bytes]]:
        idle = self._by_process.get(os.getpid())
        if idle is None:
            idle = self._by_process.setdefault(os.getpid(), _Idle(BoundedSemaphore(self._most)))
        with idle.turns:
            try:
                child = idle.children.pop()  # another thread may have taken the last one meanwhile
            except IndexError:
                child = self._start()
            if child.poll() is not None:
                child = self._start()
            try:
                yield child
            except BaseException:  # its answer is still to come: nobody else shall get it
                _end(child)
                raise
            idle.children.append(child)

    def _start(self) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            [sys.executable, "-m", self._module],
            cwd=_PROJECT,
            env={"PYTHONPATH": str(_PROJECT), "LANG": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            _exchange(child, b"", seconds=_START_SECONDS)
        except BaseException:
            _end(child)
            raise
        return child


def serve(tasks: Mapping[str, Callable[..., Any]]) -> None:
    """The child: one question a line, one answer a line."""
    _limit_memory()
    _say("ready")
    for line in sys.stdin.buffer:
        task, seconds, given = json.loads(line)
        _limit_time(seconds)
        _say(tasks[task](*given))


def _say(answer: Any) -> None:
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    sys.stdout.buffer.flush()


def _end(child: subprocess.Popen[bytes]) -> int:
    """How it ended: by the signal that killed it, negative. Done twice, it is done once."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(0.2)  # of its own accord, which says more than ours
    child.kill()
    how = child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe:
            with contextlib.suppress(OSError):
                pipe.close()
    return how


def _exchange(child: subprocess.Popen[bytes], asked: bytes, *, seconds: float) -> bytes:
    """One line for another. Raises TimeoutError, and OSError when the child has died or does not stop talking."""
    assert child.stdin
    assert child.stdout
    deadline, received, unsent = time.monotonic() + seconds, bytearray(), memoryview(asked)
    os.set_blocking(child.stdin.fileno(), False)
    while not received.endswith(b"\n"):
        writing = [child.stdin] if unsent else []
        readable, writable, _ = select.select([child.stdout], writing, [], max(deadline - time.monotonic(), 0))
        if writable:
            unsent = unsent[os.write(child.stdin.fileno(), unsent[:65536]) :]
        elif not readable:
            raise TimeoutError
        elif piece := os.read(child.stdout.fileno(), 1 << 20):
            received += piece
        else:
            raise OSError("the child has died")
        if len(received) > _MOST_ANSWER:
            raise OSError("the child does not stop talking")
    return bytes(received)


def _limit_memory() -> None:
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_time(seconds: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(
        resource.RLIMIT_CPU, (math.ceil(used.ru_utime + used.ru_stime) + seconds, resource.RLIM_INFINITY)
    )
