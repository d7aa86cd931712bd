"""Schemas with all their tables. The first retailer's of a process is migrated, and what migrations told the database
is kept; a later one is told the same, statement by statement. Working those out took nine tenths of the time.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.core.management import call_command
from django.db import connection, transaction
from django.db.backends.postgresql.psycopg_any import mogrify

from tenants import context


@dataclass(frozen=True)
class _Told:
    schema: str  # whose; its name stands in some statements, and its random end keeps other words from being alike
    statements: str


_told: _Told | None = None


def make_platforms() -> None:
    """An installation whose database is still empty gets the platform's tables first."""
    if _is_missing("SELECT to_regclass('public.tenants_retailer')"):
        with _uncollected():
            call_command("migrate_schemas", shared=True, interactive=False, verbosity=0)


def make(schema: str) -> None:
    """A retailer's schema, which has a row already. One whose making was interrupted is migrated from there on."""
    global _told
    if not _is_missing("SELECT to_regnamespace(%s)", schema):
        _migrate(schema)
    elif _told:
        _tell_again(_told, schema)
    else:
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE SCHEMA "{schema}"')
        told: list[str] = []
        with connection.execute_wrapper(_noting(told)):
            _migrate(schema)
        _told = _Told(schema, "\n;\n".join(told))
    context.leave()


def _tell_again(told: _Told, schema: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'CREATE SCHEMA "{schema}"')
        cursor.execute(told.statements.replace(told.schema, schema))
        cursor.execute(f'UPDATE "{schema}".django_migrations SET applied = now()')


def _noting(told: list[str]) -> Callable[..., Any]:
    """Writes down what is executed, values and all, as text that can be executed again."""

    def execute(execute: Callable[..., Any], sql: Any, params: Any, many: bool, about: dict[str, Any]) -> Any:
        params = list(params) if many else params
        told.extend(mogrify(str(sql), values, connection) for values in (params if many else [params]))
        return execute(sql, params, many, about)

    return execute


def _migrate(schema: str) -> None:
    with _uncollected():
        call_command("migrate_schemas", tenant=True, schema_name=schema, interactive=False, verbosity=0)


def _is_missing(question: str, *values: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(question, values or None)
        return cursor.fetchone()[0] is None


@contextmanager
def _uncollected() -> Iterator[None]:
    """Migrations make models of models, thousands of them: a quarter of their time went into looking for garbage."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
