"""Work apart: in child processes that the operating system bounds in memory and time.

For what a marketer has just written. The language bounds what a template can cost; should one get past it, a child
dies of it, and whoever asked is told of what (`endings`). A few warm children per process, JSON lines over their
pipes, and nothing of our environment in them. A child runs a module that calls `serve`; whoever asks holds `Children`
of that module.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import Any

from campaigns.confinement import endings
from campaigns.confinement.endings import MEMORY, MOST_ANSWER, PROJECT, TooMuch, Unanswered
from campaigns.confinement.serving import serve

__all__ = ["MEMORY", "MOST", "MOST_ANSWER", "SECONDS", "Children", "TooMuch", "Unanswered", "serve"]

SECONDS = 2  # of processor time, for one question
MOST = 3  # children of a process at once: while one is busy with what is hostile, others answer
_PATIENCE = 4.0  # times as many seconds may pass meanwhile, on a machine that is busy with something else
_START_SECONDS = 20.0
_MOST_HEARD = 65536  # bytes: what a pipe holds
logger = logging.getLogger(__name__)


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

        Raises TooMuch where it takes more processor time than that, more memory than a child may have, or writes too
        much; and Unanswered where there is none for another reason.
        """
        asked = json.dumps([task, seconds, given]).encode() + b"\n"
        with self._one() as child:
            _heard(child)  # of questions before
            try:
                return json.loads(_exchange(child, asked, seconds=_PATIENCE * seconds))
            except (OSError, ValueError) as trouble:
                raise self._told(task, endings.ending, child, trouble, seconds=seconds) from None

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
            cwd=PROJECT,
            env={"PYTHONPATH": str(PROJECT), "LANG": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            _exchange(child, b"", seconds=_START_SECONDS)
        except OSError as trouble:
            raise self._told("a start", endings.not_started, child, trouble) from None
        except BaseException:
            _end(child)
            raise
        return child

    def _told(
        self,
        what: str,
        cause: Callable[..., Unanswered],
        child: subprocess.Popen[bytes],
        trouble: Exception,
        **more: Any,
    ) -> Unanswered:
        """Why there is no answer. What is not of a template's making is put down for whoever runs the installation."""
        how, heard = _end(child)
        told = cause(trouble, how, heard=heard, **more)
        if not isinstance(told, TooMuch):
            logger.error("A child of %s ended over %s: %s", self._module, what, told)
        return told


def _end(child: subprocess.Popen[bytes]) -> tuple[int | None, str]:
    """How it ended: its status, negative for a signal, None where it had to be ended; and what it said of errors.

    Done twice, it is done once.
    """
    how: int | None = None
    try:
        how = child.wait(0.2)  # of its own accord, which says more than ours
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    heard = _heard(child)
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe:
            with contextlib.suppress(OSError):
                pipe.close()
    return how, heard


def _heard(child: subprocess.Popen[bytes]) -> str:
    """What it said of errors since somebody listened."""
    if child.stderr is None or child.stderr.closed:
        return ""
    os.set_blocking(child.stderr.fileno(), False)
    with contextlib.suppress(BlockingIOError):
        return os.read(child.stderr.fileno(), _MOST_HEARD).decode(errors="replace")
    return ""


def _exchange(child: subprocess.Popen[bytes], asked: bytes, *, seconds: float) -> bytes:
    """One line for another. Raises TimeoutError, OSError when the child has died, and Endless."""
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
        if len(received) > MOST_ANSWER:
            raise endings.Endless
    return bytes(received)
