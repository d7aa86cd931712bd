"""Batches share plans, which go while tables grow: nobody is looked up by reading through what has become large."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection

from campaigns import facts, ingest
from campaigns.models import Customer
from tenants.models import Retailer
from tests import factories

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOOKED_UP = ("campaigns_customer", "campaigns_facts")


def upsert(*external_ids: str, city: str) -> None:
    rows = [{"external_id": each, "city": city, "email": f"{each}@example.test"} for each in external_ids]
    ingest.upsert_customers(rows, now=NOW)


@pytest.mark.parametrize("emptied", [0, 1500])
def test_a_plan_made_for_few_customers_is_not_used_once_there_are_many(at_acme: Retailer, emptied: int) -> None:
    factories.customers(emptied, first=2)
    upsert("c1", city="York")
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(LOOKED_UP)} CASCADE")
        upsert("c1", city="Leeds")
        cursor.execute(f"ANALYZE {', '.join(LOOKED_UP)}")  # to read through one row is quickest, and that is known
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    for n in range(3):
        upsert("c1", city=f"Leeds {n}")
    factories.customers(1500, first=2)
    before = _read_through()

    upsert(*[f"c{n}" for n in range(1, 101)], city="York")

    assert _read_through() - before < 10  # of a hundred
    assert Customer.objects.filter(city="York").count() == 100
    assert facts.recompute() == 0


def _read_through() -> int:
    """How often a table was read from its beginning in this transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(seq_scan) FROM pg_stat_xact_user_tables"
            " WHERE schemaname = current_schema() AND relname = ANY(%s)",
            [list(LOOKED_UP)],
        )
        return int(cursor.fetchone()[0])
