"""Several at once who store batches, each on a connection of its own.

Within a transaction there is nobody but its own connection: no other would see what it has written, and what one waits
for could be what the other holds.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections

from tenants import context

Store = Callable[[Any], Any]
_GRACE = 0.2  # seconds that a statement has to end by itself before it is cancelled, and again after each attempt


@contextmanager
def at_work(store: Store, number: int) -> Iterator[Callable[[Any], Future[Any]]]:
    """Run the block with a way to have a batch stored, as soon as one of `number` writers is free.

    When the block fails, so do the statements that run: none outlives it. What is stored by then stays.
    """
    if connection.in_atomic_block:
        yield lambda batch: _at_once(store, batch)
        return
    retailer, own, given = context.current(), list[Any](), list[Future[Any]]()

    def begin() -> None:
        connection.inc_thread_sharing()  # it is closed from here, once its thread has ended
        own.append(connections[DEFAULT_DB_ALIAS])

    def write(batch: Any) -> Any:
        with context.in_retailer(retailer):
            return store(batch)

    def give(batch: Any) -> Future[Any]:
        given[:] = [each for each in given if not each.done()]
        given.append(pool.submit(contextvars.copy_context().run, write, batch))
        return given[-1]

    pool = ThreadPoolExecutor(number, thread_name_prefix="writer", initializer=begin)
    try:
        yield give
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        _stop(given, own)
        raise
    finally:
        pool.shutdown()
        for each in own:
            each.close()


def _at_once(store: Store, batch: Any) -> Future[Any]:
    stored = Future[Any]()
    stored.set_result(store(batch))
    return stored


def _stop(given: Sequence[Future[Any]], own: Sequence[Any]) -> None:
    while futures.wait(given, _GRACE).not_done:
        for each in own:
            if each.connection:
                each.connection.cancel_safe(timeout=_GRACE)
