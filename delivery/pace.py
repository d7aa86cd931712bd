"""How many messages to hand over at once: as many as a provider takes in about two seconds.

Between two hand-overs a worker looks whether it may go on, so this is how soon it obeys an emergency stop.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from delivery.channels.base import Channel

MOST = 50  # messages handed over per commit: the most that one crash can leave unknown
FIRST = 10  # while nobody knows how fast the provider is
SECONDS = 2.0

_sizes: WeakKeyDictionary[Channel, int] = WeakKeyDictionary()


def size(channel: Channel) -> int:
    return _sizes.get(channel, FIRST)


@contextmanager
def measured(channel: Channel, messages: int) -> Iterator[None]:
    """The block hands over so many messages; the next hand-over's size follows from how long that took.

    One that fails as a whole tells nothing.
    """
    begun = time.monotonic()
    yield
    each = (time.monotonic() - begun) / messages
    _sizes[channel] = max(1, min(MOST, int(SECONDS / each))) if each else MOST
