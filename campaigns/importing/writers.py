"""Several at once who store batches, each on a connection of its own.

Within a transaction there is nobody but its own connection: no other would see what it has written, and what one waits
for could be what the other holds.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections

from tenants import context

Store = Callable[[Any], Any]
_GRACE = 0.2  # seconds that a statement has to end by itself before it is cancelled, and again after each attempt
_PATIENCE = 5.0  # seconds with a server that is asked to cancel one


@contextmanager
def at_work(store: Store, number: int) -> Iterator[Callable[[Any], Future[Any]]]:
    """Run the block with a way to have a batch stored, as soon as one of `number` writers is free.

    When the block fails, so do the statements that run: none outlives it. What is stored by then stays.
    """
    if connection.in_atomic_block:
        yield lambda batch: _at_once(store, batch)
        return
    retailer, own = context.current(), dict[threading.Thread, Any]()

    def begin() -> None:
        connection.inc_thread_sharing()  # it is cancelled and closed from here
        own[threading.current_thread()] = connections[DEFAULT_DB_ALIAS]

    def write(batch: Any) -> Any:
        with context.in_retailer(retailer):
            return store(batch)

    pool = ThreadPoolExecutor(number, thread_name_prefix="writer", initializer=begin)
    try:
        yield lambda batch: pool.submit(contextvars.copy_context().run, write, batch)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        _stop(own)
        raise
    finally:
        pool.shutdown()
        for each in own.values():
            each.close()


def _at_once(store: Store, batch: Any) -> Future[Any]:
    stored = Future[Any]()
    stored.set_result(store(batch))
    return stored


def _stop(own: Mapping[threading.Thread, Any]) -> None:
    """Each ends with what it is at, and that soon: nothing waits in line any more."""
    for thread, each in list(own.items()):
        thread.join(_GRACE)
        while thread.is_alive():
            with suppress(psycopg.Error):  # one that cannot be asked any more has ended, or will
                if each.connection:
                    each.connection.cancel_safe(timeout=_PATIENCE)
            thread.join(_GRACE)
