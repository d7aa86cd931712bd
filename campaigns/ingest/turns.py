"""While customers are written, whoever writes them goes on as soon as Postgres answers.

The turn of customers is held meanwhile, and other threads of a web process read rows of a thousand: Python would let
each read on for 5 ms at every answer. At all times it would cost what does little a third more.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SWITCH = 0.0001  # seconds
_lock = threading.Lock()
_usual: list[float] = []  # what each that is at it found: the first one's is what comes back


@contextmanager
def prompt() -> Iterator[None]:
    with _lock:
        _usual.append(sys.getswitchinterval())
        sys.setswitchinterval(_SWITCH)
    try:
        yield
    finally:
        with _lock:
            found = _usual.pop(1 if len(_usual) > 1 else 0)
            if not _usual:
                sys.setswitchinterval(found)
