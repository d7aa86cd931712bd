"""Statements planned once: their parameters arrive as they were, and each retailer's rows are its own."""

from __future__ import annotations

from itertools import cycle, islice

import pytest
from django.db import ProgrammingError, connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from tenants import context, prepared
from tenants.models import Retailer
from tests import factories

pytestmark = pytest.mark.django_db
_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
_HARD = st.sampled_from(["", "NULL", '"', "\\", '\\"', "{}", ",", " ", "a,b", "%s", "'"])


@given(texts=st.lists(_TEXT | _HARD, max_size=5), numbers=st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)))
def test_arrays_arrive_as_they_were(texts: list[str], numbers: list[int | None]) -> None:
    statement = "SELECT %s::text[], %s::bigint[]"
    assert prepared.rows(statement, [prepared.texts(texts), prepared.numbers(numbers)]) == [(texts, numbers)]


@given(numbers=st.lists(st.none() | st.floats(allow_nan=False)))
def test_fractions_arrive_as_they_were(numbers: list[float | None]) -> None:
    assert prepared.rows("SELECT %s::float8[]", [prepared.numbers(numbers)]) == [(numbers,)]


def test_the_same_statement_reads_each_retailers_own_rows(acme: Retailer, globex: Retailer) -> None:
    for retailer in (acme, globex):
        with context.in_retailer(retailer):
            factories.customers(1, external_id=retailer.slug)
    for retailer in islice(cycle([acme, globex]), 20):  # long after it was planned for good
        with context.in_retailer(retailer):
            assert prepared.rows("SELECT external_id FROM campaigns_customer WHERE id > %s", [0]) == [(retailer.slug,)]


def test_a_plan_is_made_anew_when_asked_for(acme: Retailer) -> None:
    with context.in_retailer(acme):
        for _ in range(10):
            prepared.rows("SELECT id FROM campaigns_customer WHERE external_id = %s", ["x"])
        prepared.plan_anew()
        [person] = factories.customers(1, external_id="x")
        assert prepared.rows("SELECT id FROM campaigns_customer WHERE external_id = %s", ["x"]) == [(person.pk,)]


def test_what_is_wrong_is_told_as_elsewhere(acme: Retailer) -> None:
    with context.in_retailer(acme), pytest.raises(ProgrammingError, match="nowhere"):
        prepared.rows("SELECT * FROM nowhere WHERE %s = 1", [1])


def test_shared_plans_go_once_a_table_has_doubled(acme: Retailer, globex: Retailer) -> None:
    def discarded(retailer: Retailer, rows: int) -> int:
        with context.in_retailer(retailer), connection.cursor() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS growing (n integer)")
            cursor.execute("INSERT INTO growing SELECT generate_series(1, %s)", [rows])
            with CaptureQueriesContext(connection) as captured:
                prepared.plan_anew_where_grown(["growing"])
        return sum(query["sql"] == "DISCARD PLANS" for query in captured)

    assert discarded(acme, 1) == 0
    assert discarded(acme, 1000) == 0  # small before and after
    assert discarded(acme, 10_000) == 1
    assert discarded(acme, 1000) == 0
    assert discarded(globex, 100_000) == 0  # asked for the first time
    assert discarded(acme, 30_000) == 1
