"""What Python does by itself beside our work, and how much of it a long import needs."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_SELDOM = (100_000, 50, 50)  # for gc.set_threshold
_SWITCH = 0.0005  # seconds


@contextmanager
def brisk() -> Iterator[None]:
    """Seldom look for cycles, of which rows have none: that is a fifth of the time it takes to read them. And let who
    waits for Postgres go on at once when it answers, also while rows are read beside it.
    """
    thresholds, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.freeze()
    gc.set_threshold(*_SELDOM)
    sys.setswitchinterval(_SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*thresholds)
        gc.unfreeze()
