"""The child's side: questions answered one by one, within limits that the operating system keeps."""

from __future__ import annotations

import json
import math
import os
import resource
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from campaigns.confinement.endings import FULL, MEMORY


def serve(tasks: Mapping[str, Callable[..., Any]]) -> None:
    """One question a line, one answer a line. What a task raises ends the child: whoever asked is told of it."""
    os.set_blocking(sys.stderr.fileno(), False)  # nobody waits for room to complain in
    _limit_memory()
    _say("ready")
    for line in sys.stdin.buffer:
        try:
            task, seconds, given = json.loads(line)
            _limit_time(seconds)
            _say(tasks[task](*given))
        except MemoryError:
            os._exit(FULL)


def _say(answer: Any) -> None:
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    sys.stdout.buffer.flush()


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
