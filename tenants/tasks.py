"""Task bases: a task says whose work it does, and refuses when it cannot be sure.

Nothing travels in message headers and nothing hangs on Celery signals (whose failures Celery swallows, so that a
task would go on in the wrong schema): the retailer is an argument, resolved in the task's own call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery import Task
from celery.exceptions import Reject
from django.db import connection

from tenants import context

if TYPE_CHECKING:
    _Task = Task[Any, Any]
else:
    _Task = Task


class PlatformTask(_Task):
    """Works in the public schema. The default for every task."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        _let_go_of_what_broke()
        with context.on_platform():
            return self.run(*args, **kwargs)


class RetailerTask(_Task):
    """Called with `retailer=<id>`; its body runs in that retailer's schema and receives the Retailer."""

    abstract = True

    def __call__(self, *args: Any, retailer: int | None = None, **kwargs: Any) -> Any:
        if not isinstance(retailer, int):
            raise Reject(f"{self.name} names no retailer: refused.", requeue=False)
        _let_go_of_what_broke()
        try:
            with context.on_platform():
                found = context.resolve(retailer)
        except context.RetailerUnavailable as reason:
            raise Reject(f"{self.name}: {reason} Refused.", requeue=False) from reason
        with context.in_retailer(found):
            return self.run(*args, retailer=found, **kwargs)


def _let_go_of_what_broke() -> None:
    """A connection that ended with its server would fail every task of this process: Celery keeps it for hundreds."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
