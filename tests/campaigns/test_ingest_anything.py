"""Whatever is sent, each row gets an answer, and what is called good the database takes."""

from __future__ import annotations

import string
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import email_validator
import phonenumbers
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import ingest
from campaigns.ingest import documents, fields
from tenants import context
from tenants.models import Retailer

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORDER = {"event_id": "e1", "external_id": "c1", "name": "order", "occurred_at": "2026-02-01T10:00:00Z"}


@pytest.fixture
def in_acme(acme: Retailer) -> Iterator[Retailer]:
    with context.in_retailer(acme):
        yield acme


def upsert(*rows: Any) -> list[ingest.RowResult]:
    return ingest.upsert_customers(rows, now=NOW)


def add(*rows: Any) -> list[ingest.RowResult]:
    return ingest.add_events(rows, now=NOW, zone=UTC)


def statuses(results: list[ingest.RowResult]) -> list[str]:
    return [result.status for result in results]


TEXT = st.text(max_size=12) | st.sampled_from(
    ["\0", "\ud800", "\\u0000", "\x85", "\u2028", "İ", "'; --", "%s", "{}", "\\"]
)
SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | TEXT
JSON = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)
LOOSELY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def rows_of(names: list[str], always: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda row: always | row, st.dictionaries(st.sampled_from(names), JSON, max_size=5))


@LOOSELY
@given(rows=st.lists(rows_of(list(ingest.customers.READERS), {"external_id": "c1"}), max_size=8))
def test_whatever_customers_come_each_gets_an_answer_and_the_database_takes_the_good_ones(
    in_acme: Retailer, rows: list[dict[str, Any]]
) -> None:
    results = upsert(*rows)

    assert [result.index for result in results] == list(range(len(rows)))
    assert all(bool(result.problems) == (result.status == "rejected") for result in results)
    assert set(statuses(upsert(*rows))) <= {"unchanged", "rejected"}


@LOOSELY
@given(rows=st.lists(rows_of([*ORDER, "value", "currency", "properties"], ORDER), max_size=8))
def test_whatever_events_come_each_gets_an_answer_and_the_database_takes_the_good_ones(
    in_acme: Retailer, rows: list[dict[str, Any]]
) -> None:
    upsert({"external_id": "c1"})

    results = add(*rows)

    assert [result.index for result in results] == list(range(len(rows)))
    assert set(statuses(add(*rows))) <= {"duplicate", "rejected"}


@given(st.emails(), st.text(string.ascii_letters + string.digits + ".-_+@'", max_size=20))
def test_an_address_is_read_as_the_library_reads_it(address: str, other: str) -> None:
    for given_address in (address, other, f"{other}@example.com", f"a@{other}.com"):
        assert _ours(given_address) == _theirs(given_address)


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=4))
def test_an_amount_keeps_its_value(value: Decimal) -> None:
    assert Decimal(fields.amount(str(value)) or "") == value


@given(st.dictionaries(st.text(string.ascii_letters, min_size=1, max_size=9), st.text(max_size=20), max_size=5))
def test_properties_pass_as_they_are_unless_they_hold_what_cannot_be_stored(document: dict[str, str]) -> None:
    storable = not any("\0" in value for value in document.values())
    try:
        assert documents.properties(document) == document
        assert storable
    except fields.Invalid:
        assert not storable


def _ours(address: str) -> str | None:
    try:
        return fields.email(address) or None
    except fields.Invalid:
        return None


def _theirs(address: str) -> str | None:
    try:
        checked = email_validator.validate_email(address.strip(), check_deliverability=False, test_environment=True)
    except email_validator.EmailNotValidError:
        return None
    return f"{checked.local_part}@{checked.ascii_domain}".lower()


@given(st.sampled_from(sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)), st.text("0123456789", max_size=13))
@settings(max_examples=2000, deadline=None)
def test_a_number_that_is_kept_as_written_is_what_the_library_makes_of_it(code: int, rest: str) -> None:
    written = f"+{code}{rest}"
    try:
        number = phonenumbers.parse(written, None)
        is_possible = phonenumbers.is_possible_number(number)
        wanted = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if is_possible else ""
    except phonenumbers.NumberParseException:
        wanted = ""
    try:
        assert fields.phone(written, country="") == wanted
    except fields.Invalid:
        assert wanted == ""


@given(
    st.dictionaries(
        st.text("abc_1", min_size=1, max_size=64),
        st.one_of(st.text(max_size=400), st.integers(), st.booleans(), st.none(), st.text('\0\x1f"\\', max_size=2000)),
        max_size=100,
    )
)
@settings(max_examples=500, deadline=None)
def test_a_document_that_need_not_be_encoded_would_have_passed(document: dict[str, Any]) -> None:
    if documents._is_small(document):
        documents._check_text(documents.encode(document))
