"""Rendering apart: in a child process that the operating system bounds in memory and time.

For what a marketer has just written and asks to see. The language bounds what a template can cost; should one get
past it, the child dies of it, and whoever asked is told. One warm child per process, JSON lines over its pipes, and
nothing of our environment in it.
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
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from delivery.rendering import Content, Parts, Rendered, RenderError, one_line

SECONDS = 2  # of processor time
_PATIENCE = 8.0  # seconds that may pass meanwhile, on a machine that is busy with something else
MEMORY = 256 * 1024 * 1024  # bytes beyond what the child takes when it has started
_START_SECONDS = 20.0
_PROJECT = Path(__file__).resolve().parent.parent
_lock = Lock()
_children: dict[int, subprocess.Popen[bytes]] = {}  # by the process that started it: a fork begins with none


def render(content: Content, context: Mapping[str, Any]) -> Rendered:
    """As Renderer does, with a bound on time and memory. `context` is what JSON can say. Raises RenderError."""
    sources = {"subject": content.subject, "html": content.html, "text": content.text}
    subject, html, text = parts(sources, context)
    return Rendered(one_line(subject), html, text)


def parts(sources: Mapping[str, str], context: Mapping[str, Any]) -> list[str]:
    """The same of any sources, as rendering.Parts does it, in order. Raises RenderError."""
    asked = json.dumps([dict(sources), dict(context)]).encode() + b"\n"
    with _lock:
        child = _children.get(os.getpid())
        if child is None or child.poll() is not None:
            child = _start()
        try:
            answer = json.loads(_exchange(child, asked, seconds=_PATIENCE))
        except (OSError, ValueError, TimeoutError) as trouble:
            slow = _end(child) == -signal.SIGXCPU or isinstance(trouble, TimeoutError)
            cause = f"takes longer than {SECONDS} seconds" if slow else f"needs more than {MEMORY // 2**20} MB"
            raise RenderError(f"the template {cause}: write it simpler") from None
    if "error" in answer:
        raise RenderError(answer["error"])
    return list(answer["parts"])


def main() -> None:
    """The child: one question a line, one answer a line."""
    _limit_memory()
    sys.stdout.buffer.write(b"ready\n")
    sys.stdout.buffer.flush()
    for line in sys.stdin.buffer:
        sources, context = json.loads(line)
        _limit_time()
        try:
            answer: dict[str, Any] = {"parts": Parts(sources).render(context)}
        except RenderError as error:
            answer = {"error": str(error)}
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


def _start() -> subprocess.Popen[bytes]:
    _children.clear()  # those of the process that we were forked from are not ours to wait for
    child = subprocess.Popen(
        [sys.executable, "-m", "delivery.confined"],
        cwd=_PROJECT,
        env={"PYTHONPATH": str(_PROJECT), "LANG": "C.UTF-8"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    _children[os.getpid()] = child
    _exchange(child, b"", seconds=_START_SECONDS)
    return child


def _end(child: subprocess.Popen[bytes]) -> int:
    """How it ended: by the signal that killed it, negative."""
    _children.pop(os.getpid(), None)
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
    """One line for another. Raises TimeoutError, and OSError when the child has died."""
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
    return bytes(received)


def _limit_memory() -> None:
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_time() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(
        resource.RLIMIT_CPU, (math.ceil(used.ru_utime + used.ru_stime) + SECONDS, resource.RLIM_INFINITY)
    )


if __name__ == "__main__":
    main()
