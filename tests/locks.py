"""Who waits for whom in the test database."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from django.db import connection


def await_somebody_waiting(number: int = 1) -> None:
    """So many, for what this connection holds: tests of other databases on the same server wait for things of their
    own.
    """
    await_until(lambda: _waiting() >= number)


def await_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        if time.monotonic() > deadline:
            pytest.fail("nobody waits, or what should come true does not")
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.01)")


def _waiting() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return int(cursor.fetchone()[0])
