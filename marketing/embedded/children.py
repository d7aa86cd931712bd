"""Child processes that never outlive us.

Each has a session of its own, so that Ctrl-C reaches only the parent, which then stops them in order; and on Linux
the kernel ends them when the parent is gone, however it went.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent.parent
_PR_SET_PDEATHSIG = 1


def spawn(command: Sequence[str], *, env: Mapping[str, str] | None = None, **options: Any) -> subprocess.Popen[str]:
    """Start a command in the project's folder. Call it from a thread that stays: its end counts as the parent's."""
    return subprocess.Popen(
        list(command),
        cwd=PROJECT,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        preexec_fn=_leave_with(os.getpid()),
        **options,
    )


def stop(process: subprocess.Popen[str], *, seconds: float = 20) -> None:
    """Ask the process to end, wait, and after `seconds` end its whole session."""
    process.terminate()
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _leave_with(parent: int) -> Callable[[], None] | None:
    """Run in the child: ask the kernel (Linux) for a SIGTERM when the parent is gone."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def leave() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it went in between
            os._exit(0)

    return leave
