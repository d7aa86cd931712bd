"""The schema of a connection: set where the server does not say it is, and right after whatever undid it."""

from __future__ import annotations

from contextlib import suppress

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from tenants import context
from tenants.models import Retailer

pytestmark = pytest.mark.django_db


class Undone(Exception):
    """Takes a transaction back."""


def test_it_is_set_once_for_all_statements_in_it(acme: Retailer) -> None:
    with context.in_retailer(acme), CaptureQueriesContext(connection) as asked:
        assert [_schema() for _ in range(3)] == [acme.schema_name] * 3
    if connection.pg_version >= 180000:  # type: ignore[attr-defined]  # those before do not report it
        assert len([query for query in asked if query["sql"].startswith("SET search_path")]) == 1


def test_it_is_right_after_a_transaction_that_set_it_was_taken_back(acme: Retailer, globex: Retailer) -> None:
    with context.in_retailer(acme):
        assert _schema() == acme.schema_name
        with suppress(Undone), transaction.atomic(), context.in_retailer(globex):
            assert _schema() == globex.schema_name
            raise Undone
        assert _schema() == acme.schema_name
    with context.in_retailer(globex):
        assert _schema() == globex.schema_name
        with suppress(Undone), transaction.atomic(), context.in_retailer(acme):
            assert _schema() == acme.schema_name
            raise Undone
        assert _schema() == globex.schema_name
        with suppress(Undone), transaction.atomic():
            connection.cursor().execute("SET LOCAL search_path = public")
            assert _schema() == globex.schema_name
            raise Undone
        assert _schema() == globex.schema_name


def _schema() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        return str(cursor.fetchone()[0])
