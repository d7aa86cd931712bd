"""Task bases: a task says whose work it does, and refuses when it cannot be sure.

Nothing travels in message headers and nothing hangs on Celery signals (whose failures Celery swallows, so that a
task would go on in the wrong schema): the retailer is an argument, resolved in the task's own call.
"""

from __future__ import annotations

from typing import Any

from celery import Task
from celery.exceptions import Reject
from django.db import connection

from tenants import context


class PlatformTask(Task):
    """Works in the public schema. The default for every task."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        connection.set_schema_to_public()
        return self.run(*args, **kwargs)


class RetailerTask(Task):
    """Called with `retailer=<id>`; its body runs in that retailer's schema and receives the Retailer."""

    abstract = True

    def __call__(self, *args: Any, retailer: int | None = None, **kwargs: Any) -> Any:
        connection.set_schema_to_public()
        if not isinstance(retailer, int):
            raise Reject(f"{self.name} names no retailer: refused.", requeue=False)
        try:
            found = context.resolve(retailer)
        except context.RetailerUnavailable as reason:
            raise Reject(f"{self.name}: {reason} Refused.", requeue=False) from reason
        with context.in_retailer(found):
            return self.run(*args, retailer=found, **kwargs)
