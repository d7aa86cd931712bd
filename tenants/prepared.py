"""Statements that are run over and over on one piece of work, planned once for it and not each time.

A statement of several parts takes longer to plan than to run over fifty rows, and Django binds values in the client,
so that no two are the same. These are bound by the server. In another schema it plans them anew, by itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from django.db import connection


class _Planned(threading.local):
    at = float("-inf")  # on the monotonic clock; each thread has a connection of its own


_planned = _Planned()


def plan_anew(*, older_than: float = 0.0) -> None:
    """To be called before each piece of work: a plan suits tables as large as they were when it was made, and one that
    reads through a hundred rows would read through a million later. Small pieces share plans not `older_than` so many
    seconds.
    """
    if time.monotonic() - _planned.at < older_than:
        return
    with connection.cursor() as cursor:
        cursor.execute("DISCARD PLANS")
    _planned.at = time.monotonic()


def rows(statement: str, params: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """What it returns, in the schema that we act in. Raises django.db's errors."""
    with (
        connection.cursor() as cursor,  # sees to the schema
        connection.wrap_database_errors,
        psycopg.Cursor(cursor.connection) as prepared,
    ):
        prepared.execute(statement.encode(), params, prepare=True)
        return prepared.fetchall()


def texts(values: Sequence[str]) -> str:
    """A parameter for text[], as Postgres reads it: the driver would write it element by element, at twenty times the
    cost.
    """
    whole = "".join(values)
    if "\\" in whole or '"' in whole:
        values = [value.replace("\\", "\\\\").replace('"', '\\"') for value in values]
    quoted = '","'.join(values)
    return f'{{"{quoted}"}}' if values else "{}"


def numbers(values: Sequence[float | str | None]) -> str:
    """The same for an array of numbers, or of instants as ISO 8601 has them."""
    return f"{{{','.join(['NULL' if value is None else str(value) for value in values])}}}"
