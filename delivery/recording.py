"""Signals of one process that come one by one, written together: whoever is answered, theirs is kept.

Reads    what delivery.signals reads
Writes   Signal, through it, and the agenda of delivery.judgement
Promise  `keep` says yes only when the row is committed: what was acknowledged survives a process that dies

Those who come while a statement is being written wait, and go together with the next. Nobody waits for anybody on an
idle machine, and under load a statement carries as many as there are threads.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import Error, connection, transaction
from django.utils import timezone

from delivery import judgement, signals
from delivery.signals import Heard
from tenants import context, prepared
from tenants.models import Retailer

PATIENCE = 1.0  # seconds that somebody waits for theirs to be written
AT_ONCE = 500  # in one statement
ANNOUNCED = 1.0  # seconds for which hits are announced once: far less than judgement.SETTLED
MOST_WAITING = 5000
_SLOW = "SET statement_timeout = '5s'"  # of one statement: then those who wait are told

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Waiting:
    retailer: Retailer
    told: Any
    is_kept: bool = False
    done: threading.Lock = field(default_factory=threading.Lock)  # held until it is known

    def __post_init__(self) -> None:
        self.done.acquire()

    def tell(self, *, is_kept: bool) -> None:
        self.is_kept = is_kept
        self.done.release()


class Recorder:
    """One writer for all threads of a process, begun by the first who needs it. `write` commits a set for a retailer;
    done twice, it is done once. Without it, signals are written.
    """

    def __init__(self, write: Callable[[Retailer, Sequence[Any]], None] | None = None) -> None:
        self._write = write or _record
        self._waiting: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        self._begin = threading.Lock()
        self._writer: threading.Thread | None = None
        self._process = 0

    def keep(self, retailer: Retailer, told: Any) -> bool:
        """Whether it is committed once this returns. False says nothing: it may be yet."""
        if self._waiting.qsize() > MOST_WAITING:
            return False
        self._ensure_writer()
        mine = _Waiting(retailer, told)
        self._waiting.put(mine)
        return mine.done.acquire(timeout=PATIENCE) and mine.is_kept

    def _ensure_writer(self) -> None:
        if self._writer is not None and self._writer.is_alive() and self._process == os.getpid():
            return
        with self._begin:
            if self._writer is None or not self._writer.is_alive() or self._process != os.getpid():
                self._process = os.getpid()
                self._writer = threading.Thread(target=self._write_for_ever, name="recorder", daemon=True)
                self._writer.start()

    def _write_for_ever(self) -> None:
        while True:
            by_retailer: dict[int, list[_Waiting]] = {}
            for each in self._gathered():
                by_retailer.setdefault(each.retailer.pk, []).append(each)
            for together in by_retailer.values():
                is_kept = _written(together[0].retailer, [each.told for each in together], self._write)
                for each in together:
                    each.tell(is_kept=is_kept)

    def _gathered(self) -> list[_Waiting]:
        found = [self._waiting.get()]
        while len(found) < AT_ONCE:
            try:
                found.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        return found


def _written(retailer: Retailer, told: Sequence[Any], write: Callable[[Retailer, Sequence[Any]], None]) -> bool:
    """A connection that was lost is made anew once; said twice, a signal is kept once."""
    for attempt in (1, 2):
        try:
            with context.in_retailer(retailer):
                if connection.connection is None:
                    with connection.cursor() as cursor:
                        cursor.execute(_SLOW)
                write(retailer, told)
                return True
        except Error:
            if attempt == 2:
                logger.exception("%s signals of %s could not be kept.", len(told), retailer.slug)
            connection.close()
    return False


def _record(retailer: Retailer, heard: Sequence[Heard]) -> None:
    """What is told with others a second after the last announcement is looked at together with those."""
    if time.monotonic() - _announced.get(retailer.pk, -ANNOUNCED) < ANNOUNCED:
        signals.record(heard)
        return
    prepared.plan_anew()
    with transaction.atomic():
        if signals.record(heard):
            judgement.expect(retailer, now=timezone.now())
    _announced[retailer.pk] = time.monotonic()


_announced: dict[int, float] = {}  # by retailer: when the last hits of this process were
_recorder = Recorder()
keep = _recorder.keep
