from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import ingest
from campaigns.models import Customer, Event
from tenants import context
from tenants.models import Retailer
from tests import statements

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")
ORDER = {"event_id": "e1", "external_id": "c1", "name": "order", "occurred_at": "2026-02-01T10:00:00Z"}


def upsert(*rows: Any, now: datetime = NOW) -> list[ingest.RowResult]:
    return ingest.upsert_customers(rows, now=now)


def add(*rows: Any) -> list[ingest.RowResult]:
    return ingest.add_events(rows, now=NOW, zone=LONDON)


def statuses(results: list[ingest.RowResult]) -> list[str]:
    return [result.status for result in results]


@pytest.fixture
def in_acme(acme: Retailer) -> Any:
    with context.in_retailer(acme):
        yield acme


# -- customers -------------------------------------------------------------------------------------------------------


def test_a_new_customer_is_stored_in_canonical_form(in_acme: Retailer) -> None:
    row = {
        "external_id": " 17850 ",
        "email": "Ana.Gil@Example.TEST",
        "phone": "020 7183 8750",
        "country": "GB",
        "timezone": "europe/london",
        "locale": "en_gb",
        "consent_email": "yes",
        "attributes": {"tier": "gold", "sizes": [38, 39]},
    }

    assert upsert(row) == [ingest.RowResult(0, "17850", "created")]

    customer = Customer.objects.get(external_id="17850")
    assert (customer.email, customer.phone) == ("ana.gil@example.test", "+442071838750")
    assert (customer.timezone, customer.locale) == ("Europe/London", "en-GB")
    assert (customer.consent_email, customer.consent_sms) == (True, False)
    assert customer.attributes == {"tier": "gold", "sizes": [38, 39]}
    assert customer.created_at == NOW


def test_absent_fields_keep_their_value_and_null_clears(in_acme: Retailer) -> None:
    upsert({"external_id": "c1", "city": "Leeds", "first_name": "Ana", "consent_sms": True})

    assert statuses(upsert({"external_id": "c1", "first_name": None, "consent_sms": None})) == ["updated"]

    customer = Customer.objects.get()
    assert (customer.city, customer.first_name, customer.consent_sms) == ("Leeds", "", False)


def test_attributes_merge_and_null_removes(in_acme: Retailer) -> None:
    upsert({"external_id": "c1", "attributes": {"tier": "gold", "size": 38, "shop": "Leeds"}})

    upsert({"external_id": "c1", "attributes": {"size": 39, "shop": None}})
    assert Customer.objects.get().attributes == {"tier": "gold", "size": 39}

    upsert({"external_id": "c1", "attributes": None})
    assert Customer.objects.get().attributes == {}


def test_an_unchanged_customer_is_not_written(in_acme: Retailer) -> None:
    row = {"external_id": "c1", "email": "c1@example.test", "attributes": {"a": 1, "b": [1, 2]}}
    upsert(row)
    before = _row_version()

    results = upsert(row, {"external_id": "c1", "attributes": {"gone": None}}, now=NOW + timedelta(days=1))

    assert statuses(results) == ["unchanged", "unchanged"]
    assert _row_version() == before


def test_of_a_customer_given_twice_the_last_row_wins_field_by_field(in_acme: Retailer) -> None:
    results = upsert(
        {"external_id": "c1", "city": "Leeds", "country": "GB", "attributes": {"a": 1, "b": 1}},
        {"external_id": "c2"},
        {"external_id": "c1", "country": "FR", "attributes": {"b": 2}},
    )

    assert statuses(results) == ["unchanged", "created", "created"]
    customer = Customer.objects.get(external_id="c1")
    assert (customer.city, customer.country, customer.attributes) == ("Leeds", "FR", {"a": 1, "b": 2})


@pytest.mark.parametrize(
    ("row", "field", "cure"),
    [
        ({}, "external_id", "required"),
        ({"external_id": " "}, "external_id", "your own id"),
        ({"external_id": "x" * 101}, "external_id", "shorten"),
        ({"external_id": "a\nb"}, "external_id", "remove it"),
        ({"external_id": "a\0b"}, "external_id", "remove it"),
        ({"external_id": "a\ud800b"}, "external_id", "UTF-8"),
        ({"external_id": True}, "external_id", "must be text"),
        ({"external_id": "c", "email": "no address"}, "email", "name@example.com"),
        ({"external_id": "c", "email": "a@b@example.com"}, "email", "name@example.com"),
        ({"external_id": "c", "email": "x" * 300 + "@example.com"}, "email", "shorten"),
        ({"external_id": "c", "phone": "07911 123456"}, "phone", "country code"),
        ({"external_id": "c", "phone": "+44 1"}, "phone", "country code"),
        ({"external_id": "c", "timezone": "Mars/Phobos"}, "timezone", "Europe/London"),
        ({"external_id": "c", "locale": "English"}, "locale", "en-GB"),
        ({"external_id": "c", "consent_email": "perhaps"}, "consent_email", "use true, false"),
        ({"external_id": "c", "consent_email": 2}, "consent_email", "use true, false"),
        ({"external_id": "c", "first_name": 5}, "first_name", "must be text"),
        ({"external_id": "c", "colour": "red"}, "colour", "under attributes"),
        ({"external_id": "c", "attributes": "red"}, "attributes", "must be an object"),
        ({"external_id": "c", "attributes": {"a": {"b": 1}}}, "attributes.a", "give text"),
        ({"external_id": "c", "attributes": {"a": float("nan")}}, "attributes", "not finite"),
        ({"external_id": "c", "attributes": {"a": 10**5000}}, "attributes", "enormous"),
        ({"external_id": "c", "attributes": {"a": "\0"}}, "attributes", "NUL"),
        ({"external_id": "c", "attributes": {"a": "\udc80"}}, "attributes", "UTF-8"),
        ({"external_id": "c", "attributes": {"a": [[[[[[1]]]]]]}}, "attributes.a", "flatten"),
        ({"external_id": "c", "attributes": {"": 1}}, "attributes", "name every entry"),
        ({"external_id": "c", "attributes": {"k" * 65: 1}}, "attributes." + "k" * 64, "shorten"),
        ({"external_id": "c", "attributes": {"a": "x" * 11_000}}, "attributes", "keep within"),
        ({"external_id": "c", "attributes": {str(n): n for n in range(101)}}, "attributes", "at most 100"),
        ({"external_id": "c", "attributes": {"at": NOW}}, "attributes", "JSON does not know"),
        ("c1", "", "must be an object"),
    ],
)
def test_a_bad_customer_is_rejected_with_field_and_cure_and_costs_no_other(
    in_acme: Retailer, row: Any, field: str, cure: str
) -> None:
    rejected, good = upsert(row, {"external_id": "good"})

    assert (rejected.status, good.status) == ("rejected", "created")
    assert [problem.field for problem in rejected.problems] == [field]
    assert cure in rejected.problems[0].message
    assert list(Customer.objects.values_list("external_id", flat=True)) == ["good"]


def test_all_problems_of_a_row_are_told_at_once(in_acme: Retailer) -> None:
    (result,) = upsert({"external_id": "c1", "email": "x", "phone": "1", "nick": "A"})

    assert result.id == "c1"
    assert sorted(problem.field for problem in result.problems) == ["email", "nick", "phone"]


def test_attributes_cannot_outgrow_their_bounds_patch_by_patch(in_acme: Retailer) -> None:
    upsert({"external_id": "c1", "city": "Leeds", "attributes": {f"a{n}": n for n in range(100)}})

    (over,) = upsert({"external_id": "c1", "city": "York", "attributes": {"b": 1}})
    (swapped,) = upsert({"external_id": "c1", "attributes": {"b": 1, "a0": None}})

    assert (over.status, over.problems[0].field) == ("rejected", "attributes")
    assert swapped.status == "updated"
    customer = Customer.objects.get()
    assert (customer.city, len(customer.attributes)) == ("Leeds", 100)


@pytest.mark.parametrize("number", [3, 300])
def test_the_number_of_statements_does_not_depend_on_the_number_of_rows(in_acme: Retailer, number: int) -> None:
    rows = [{"external_id": f"c{n}"} for n in range(number)]
    with CaptureQueriesContext(connection) as first:  # types, savepoint, turn, release; the upsert is prepared
        upsert(*rows)
    with CaptureQueriesContext(connection) as changed:  # the same, and the facts that follow from a change
        upsert(*[row | {"email": f"{row['external_id']}@example.test"} for row in rows])
    with CaptureQueriesContext(connection) as happened:  # who waits for them, and the events with their facts
        add(*[ORDER | {"event_id": f"e{n}", "external_id": f"c{n}"} for n in range(number)])
    assert [len(statements.of(each)) for each in (first, changed, happened)] == [4, 5, 2]


def test_customers_of_one_retailer_are_unknown_to_another(acme: Retailer, globex: Retailer) -> None:
    with context.in_retailer(acme):
        upsert({"external_id": "c1"})
    with context.in_retailer(globex):
        assert statuses(add(ORDER)) == ["rejected"]
        assert statuses(upsert({"external_id": "c1"})) == ["created"]


def test_two_writers_of_the_same_customers_neither_collide_nor_deadlock(
    live_retailer: Retailer, django_db_blocker: Any
) -> None:
    rows = [{"external_id": f"c{n}", "city": "Leeds"} for n in range(500)]
    events = [ORDER | {"event_id": f"e{n}", "external_id": f"c{n}"} for n in range(500)]

    def write(turn: int) -> list[str]:
        order = slice(None, None, 1 if turn % 2 else -1)
        try:
            with context.in_retailer(live_retailer):
                written = upsert(*[row | {"first_name": f"turn {turn}"} for row in rows[order]])
                return statuses(written) + statuses(add(*events[order]))
        finally:
            connection.close()

    with django_db_blocker.unblock(), ThreadPoolExecutor(4) as pool:
        outcomes = [status for result in pool.map(write, range(4)) for status in result]

    assert outcomes.count("created") == 1_000
    assert "rejected" not in outcomes


# -- events ----------------------------------------------------------------------------------------------------------


def test_an_event_is_stored_once_per_event_id(in_acme: Retailer) -> None:
    upsert({"external_id": "c1"})
    row = ORDER | {"value": "12.34565", "currency": "gbp", "properties": {"items": [{"sku": "A", "qty": 2}]}}

    assert statuses(add(row)) == ["created"]
    assert statuses(add(row | {"value": 99})) == ["duplicate"]

    event = Event.objects.select_related("customer").get()
    assert (event.customer.external_id, event.name, event.currency) == ("c1", "order", "GBP")
    assert event.value == Decimal("12.3457")
    assert event.properties == {"items": [{"sku": "A", "qty": 2}]}


def test_of_an_event_given_twice_the_first_that_can_be_stored_is_the_event(in_acme: Retailer) -> None:
    upsert({"external_id": "c1"})

    results = add(ORDER | {"external_id": "nobody"}, ORDER | {"value": 1}, ORDER | {"value": 2})

    assert statuses(results) == ["rejected", "created", "duplicate"]
    assert str(results[0].problems[0]) == "external_id: customer nobody is unknown: send the customer first"
    assert Event.objects.get().value == 1


@pytest.mark.parametrize(
    ("occurred_at", "instant"),
    [
        ("2010-12-01 08:26:00", datetime(2010, 12, 1, 8, 26, tzinfo=UTC)),
        ("2011-06-01 08:26:00", datetime(2011, 6, 1, 7, 26, tzinfo=UTC)),  # British summer time
        ("2011-06-01T08:26:00Z", datetime(2011, 6, 1, 8, 26, tzinfo=UTC)),
        ("2011-06-01T08:26:00.5+02:00", datetime(2011, 6, 1, 6, 26, 0, 500_000, tzinfo=UTC)),
        ("2011-06-01", datetime(2011, 5, 31, 23, tzinfo=UTC)),
        (datetime(2011, 6, 1, 8, 26), datetime(2011, 6, 1, 7, 26, tzinfo=UTC)),  # noqa: DTZ001 -- local time, meant so
    ],
)
def test_a_time_without_an_offset_is_the_retailers(in_acme: Retailer, occurred_at: Any, instant: datetime) -> None:
    upsert({"external_id": "c1"})

    add(ORDER | {"occurred_at": occurred_at})

    assert Event.objects.get().occurred_at == instant


@pytest.mark.parametrize(
    ("fault", "field", "cure"),
    [
        ({"event_id": ""}, "event_id", "your own id"),
        ({"name": None}, "name", "what happened"),
        ({"name": "x" * 65}, "name", "shorten"),
        ({"occurred_at": None}, "occurred_at", "say when"),
        ({"occurred_at": "yesterday"}, "occurred_at", "ISO 8601"),
        ({"occurred_at": 1772360000}, "occurred_at", "ISO 8601"),
        ({"occurred_at": "1969-12-31T23:59:59Z"}, "occurred_at", "before 1970"),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "occurred_at", "years from 1970"),
        ({"occurred_at": "2026-03-02T12:00:01Z"}, "occurred_at", "in the future"),
        ({"value": "£5"}, "value", "12.50"),
        ({"value": "1,000"}, "value", "12.50"),
        ({"value": "NaN"}, "value", "12.50"),
        ({"value": float("inf")}, "value", "12.50"),
        ({"value": True}, "value", "must be a number"),
        ({"value": 10**10}, "value", "10 digits"),
        ({"value": "9999999999.99995"}, "value", "10 digits"),
        ({"value": "1e999"}, "value", "10 digits"),
        ({"currency": "£"}, "currency", "three letters"),
        ({"properties": []}, "properties", "must be an object"),
        ({"sku": "A"}, "sku", "under properties"),
    ],
)
def test_a_bad_event_is_rejected_with_field_and_cure_and_costs_no_other(
    in_acme: Retailer, fault: dict[str, Any], field: str, cure: str
) -> None:
    upsert({"external_id": "c1"})

    rejected, good = add(ORDER | fault, ORDER | {"event_id": "good"})

    assert (rejected.status, good.status) == ("rejected", "created")
    assert [problem.field for problem in rejected.problems] == [field]
    assert cure in rejected.problems[0].message


def _row_version() -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT xmin::text, ctid::text, updated_at FROM campaigns_customer")
        return cursor.fetchone()
