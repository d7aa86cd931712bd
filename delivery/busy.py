"""When this process was at work: what changed meanwhile is what it learns of with its next batch, and that is timed.

A change made while a worker idled tells nothing about how fast workers learn of changes, so it is not noted.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError
from django.utils import timezone

from tenants import agenda, changes

logger = logging.getLogger(__name__)

SIGNED_IN = 10.0  # seconds for which a process that signed in need not do so again
BREAK = 1.0  # seconds without work that make a worker idle
SLACK = timedelta(seconds=5)  # a change is written down some time before it is committed, and seen


@dataclass
class _Shift:
    """Work without a break; `ended` is on the monotonic clock."""

    since: datetime | None = None  # when it began
    last_began: datetime | None = None  # when the item before this one began
    ended: float = float("-inf")


_shift = _Shift()  # one per process: a worker works on one item at a time
_signed_in: dict[str, float] = {}  # by name, which a forked child does not share


def sign_in() -> None:
    """This process takes turns: how many do decides what one retailer may hold."""
    name = changes.this_worker()
    if time.monotonic() - _signed_in.get(name, float("-inf")) > SIGNED_IN:
        agenda.sign_in(name)
        _signed_in[name] = time.monotonic()


@contextmanager
def at_work() -> Iterator[None]:
    """One item of the agenda is being worked on."""
    began = timezone.now()
    if time.monotonic() - _shift.ended > BREAK:
        _shift.since, _shift.last_began = began, None
    try:
        yield
    finally:
        _shift.last_began, _shift.ended = began, time.monotonic()


def look_around() -> None:
    """A batch begins: note the changes made while this process was busy. Without effect after a break."""
    if _shift.since is None or _shift.last_began is None:
        return
    try:
        changes.see(busy_since=max(_shift.since, _shift.last_began - SLACK))
    except DatabaseError:  # the batch is worth more than the figure
        logger.warning("The changes of configuration could not be noted.", exc_info=True)
