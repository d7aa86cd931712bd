"""Statements that are run over and over on one piece of work, planned once for it and not each time.

A statement of several parts takes longer to plan than to run over fifty rows, and Django binds values in the client,
so that no two are the same. These are bound by the server. In another schema it plans them anew, by itself.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import psycopg
from django.db import connection

_connection: Any = connection  # django-tenants' backend, which its stubs do not know


class _Planned(threading.local):
    """Each thread has a connection of its own."""

    at = float("-inf")  # on the monotonic clock
    sizes: Mapping[tuple[str, str], int] = {}  # by schema and table: bytes when plans were made that still serve


_planned = _Planned()
_PARAMETER = re.compile(r"%%|%s|%\((\w+)\)s")
_SMALL = 10 * 8192  # bytes: Postgres takes a table for no smaller before it has looked through it


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
    _planned.sizes = {}


def plan_anew_where_grown(tables: Sequence[str]) -> None:
    """To be called before a statement whose plan is shared, with every table that it reads: no plan is used once one of
    them is more than twice as large as the least that it has been since plans were made. The least, because Postgres
    plans anew by itself once a table was emptied or looked through.
    """
    asked = ", ".join(f"pg_relation_size('{table}')" for table in tables)
    [sizes] = rows(f"SELECT {asked}", [])
    schema = _connection.schema_name
    now = {(schema, table): max(size, _SMALL) for table, size in zip(tables, sizes, strict=True)}
    if any(size > 2 * _planned.sizes.get(table, size) for table, size in now.items()):
        plan_anew()
    least = {table: min(size, _planned.sizes.get(table, size)) for table, size in now.items()}
    _planned.sizes = {**_planned.sizes, **least}


def rows(statement: str, params: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """What it returns, in the schema that we act in. Raises django.db's errors."""
    numbered, names = _numbered(statement)
    values = [params[name] for name in names] if isinstance(params, Mapping) else params
    with (
        connection.cursor() as cursor,  # sees to the schema
        connection.wrap_database_errors,
        psycopg.RawCursor(cursor.connection) as prepared,
    ):
        prepared.execute(numbered, values, prepare=True)
        return prepared.fetchall()


@lru_cache(maxsize=256)
def _numbered(statement: str) -> tuple[bytes, tuple[str, ...]]:
    """The statement as Postgres numbers its parameters, and their names in that order: the driver would take a long one
    apart each time.
    """
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        if found[1] is None or found[1] not in names:
            names.append(found[1] or "")
            return f"${len(names)}"
        return f"${names.index(found[1]) + 1}"

    return _PARAMETER.sub(number, statement).encode(), tuple(names)


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
