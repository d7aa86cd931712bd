"""One message may take so much processor time, and no more: the others of its batch go on.

The language bounds what a template can cost; this is for what gets past it. One timer for a whole batch ticks while the
process computes, and whoever was at work at the tick before is ended. It takes the main thread, where Python hears
signals: workers compose there. In another thread nothing is watched.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

TICK = 1.0  # seconds of processor time; who is ended took between one and two of them
LOOK = 5.0  # the same, for the checks before a batch: they look at every variant in every language


class TookTooLong(BaseException):
    """Not an Exception: what a filter raises is handled on the way, and this must not be."""


class Watch:
    """Raises TookTooLong inside the work on whatever `on` names; None, while nothing may be ended."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.on: int | None = None
        self._before: int | None = None

    def tick(self, *_: Any) -> None:
        before, self._before = self._before, self.on
        if self.on is not None and self.on == before:
            raise TookTooLong(f"it takes longer than {self._seconds:g} s: write the template simpler")


@contextmanager
def watched(seconds: float | None = None) -> Iterator[Watch]:
    """`seconds` between two ticks: those of a message, where nothing is said.

    Set the watch's `on` within a `try` that handles TookTooLong, and take it back as the last thing there.
    """
    seconds = TICK if seconds is None else seconds
    watch = Watch(seconds)
    if threading.current_thread() is not threading.main_thread():
        yield watch
        return
    handled = signal.signal(signal.SIGVTALRM, watch.tick)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, seconds)
    try:
        yield watch
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, handled)
