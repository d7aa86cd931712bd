"""Consent that comes with a customer's row, and the proof of it that stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from campaigns import ingest
from campaigns.models import Consent, Customer, Facts
from tenants.models import Retailer

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG_AGO, LATELY = datetime(2020, 5, 1, tzinfo=UTC), datetime(2026, 2, 1, 9, 30, tzinfo=UTC)


def upsert(*rows: Any, now: datetime = NOW, **who: Any) -> list[str]:
    return [result.status for result in ingest.upsert_customers(rows, now=now, **who)]


def entry(is_granted: bool, channel: str = "email", **more: Any) -> dict[str, Any]:
    return {"channel": channel, "granted": is_granted, **more}


def proof(*fields: str) -> list[tuple[Any, ...]]:
    return list(Consent.objects.order_by("pk").values_list(*(fields or ("channel", "is_granted", "is_current"))))


def test_a_flag_that_turns_over_is_put_down_and_one_that_does_not_is_not(at_acme: Retailer) -> None:
    row = {"external_id": "c1", "consent_email": True, "consent_sms": False}
    upsert(row, source="import", by="Ana")
    upsert(row, now=NOW + timedelta(days=1))
    assert proof("channel", "is_granted", "said_at", "source", "by") == [("email", True, NOW, "import", "Ana")]

    upsert(row | {"consent_email": False}, now=NOW + timedelta(days=2))

    assert proof() == [("email", True, False), ("email", False, True)]
    assert not Customer.objects.get().consent_email
    assert not Facts.objects.get().consent_email


def test_entries_keep_where_and_what_was_said_and_are_appended_once(at_acme: Retailer) -> None:
    said = entry(True, said_at="2026-02-01T09:30:00Z", source="till 4", text="Yes, send me\nthe news.", topic="")
    row = {"external_id": "c1", "consents": [said, entry(False, "sms"), entry(False, topic="offers")]}

    assert upsert(row) == ["created"]
    assert upsert(row, now=NOW + timedelta(days=1)) == ["unchanged"]

    assert proof("channel", "topic", "is_granted", "said_at", "source", "text") == [
        ("email", "", True, LATELY, "till 4", "Yes, send me\nthe news."),
        ("sms", "", False, NOW, "api", ""),
        ("email", "offers", False, NOW, "api", ""),
    ]
    assert Customer.objects.get().consent_email
    assert Facts.objects.get().consent_email


def test_an_entry_that_stands_twice_in_a_row_was_said_once(at_acme: Retailer) -> None:
    said = entry(True, said_at=LATELY.isoformat(), source="till")

    assert upsert({"external_id": "c1", "consents": [said, entry(False, "sms"), said, entry(False, "sms")]}) == [
        "created"
    ]

    assert proof() == [("email", True, True), ("sms", False, True)]


def test_what_was_said_last_counts_whenever_it_comes(at_acme: Retailer) -> None:
    upsert({"external_id": "c1", "consents": [entry(False, said_at=LATELY.isoformat())]})

    assert upsert({"external_id": "c1", "consents": [entry(True, said_at=LONG_AGO.isoformat())]}) == ["updated"]

    assert proof() == [("email", False, True), ("email", True, False)]
    assert not Customer.objects.get().consent_email
    assert upsert({"external_id": "c1", "consents": [entry(True)]}) == ["updated"]
    assert Facts.objects.get().consent_email


def test_flags_with_a_proof_beside_them_are_entries(at_acme: Retailer) -> None:
    row = {"external_id": "c1", "consent_email": "yes", "consent_source": "shop", "consent_at": "2026-02-01 09:30"}

    assert upsert(row | {"consent_text": "I agree"}) == ["created"]
    assert upsert(row | {"consent_text": "I agree"}) == ["unchanged"]

    assert proof("channel", "said_at", "source", "text") == [("email", LATELY, "shop", "I agree")]
    assert Facts.objects.get().consent_email


def test_a_customer_given_twice_says_the_later_word_last(at_acme: Retailer) -> None:
    upsert({"external_id": "c1", "consents": [entry(True)]}, {"external_id": "c1", "consent_email": False})

    assert proof() == [("email", True, False), ("email", False, True)]
    assert not Customer.objects.get().consent_email


@pytest.mark.parametrize(
    ("fields", "field", "cure"),
    [
        ({"consents": {}}, "consents", "must be a list"),
        ({"consents": ["email"]}, "consents.0", "must be an object"),
        ({"consents": [entry(True), entry(True, "fax")]}, "consents.1.channel", "use email, sms, push"),
        ({"consents": [{"channel": "email"}]}, "consents.0.granted", "true or false"),
        ({"consents": [entry(True, topic="No Way")]}, "consents.0.topic", "lower-case"),
        ({"consents": [entry(True, said_at="soon")]}, "consents.0.said_at", "ISO 8601"),
        ({"consents": [entry(True, said_at="2026-03-03T00:00Z")]}, "consents.0.said_at", "in the future"),
        ({"consents": [entry(True, said_at="2026-03-01T12:06Z")]}, "consents.0.said_at", "correct the time"),
        ({"consent_email": True, "consent_at": "2026-03-01T12:06Z"}, "consent_at", "correct the time or its offset"),
        ({"consents": [entry(True, shown="x")]}, "consents.0.shown", "an entry has channel, topic"),
        ({"consents": [entry(True, text="a\0b")]}, "consents.0.text", "remove it"),
        ({"consents": [entry(True)] * 51}, "consents", "at most 50"),
        ({"consent_email": False, "consents": [entry(True)]}, "consent_email", "leave one out"),
        ({"consent_text": 5}, "consent_text", "must be text"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_field_and_cure(
    at_acme: Retailer, fields: dict[str, Any], field: str, cure: str
) -> None:
    [result] = ingest.upsert_customers([{"external_id": "c1", **fields}], now=NOW)

    assert [problem.field for problem in result.problems] == [field]
    assert cure in result.problems[0].message
    assert not Customer.objects.exists()


@pytest.mark.parametrize(
    "fast",
    [
        {"consents": [entry(True, said_at="2026-03-01T12:04Z", source="till")]},
        {"consent_email": True, "consent_at": "2026-03-01T12:04Z", "consent_source": "till"},
    ],
)
def test_what_a_fast_clock_dates_ahead_was_said_now_and_what_follows_wins(
    at_acme: Retailer, fast: dict[str, Any]
) -> None:
    upsert({"external_id": "c1", **fast})

    upsert({"external_id": "c1", "consents": [entry(False)]}, now=NOW + timedelta(seconds=1))

    assert proof("is_granted", "said_at", "is_current") == [
        (True, NOW, False), (False, NOW + timedelta(seconds=1), True)
    ]  # fmt: skip
    assert not Facts.objects.get().consent_email


@pytest.mark.parametrize("through", ["console", "link in a message", "api"])
def test_a_files_bare_yes_does_not_overturn_a_no_that_was_said_elsewhere(at_acme: Retailer, through: str) -> None:
    row = {"external_id": "c1", "consent_email": True, "consent_sms": True, "city": "Leeds"}
    upsert(row, source="import people.csv")
    upsert({"external_id": "c1", "consent_email": False}, now=NOW + timedelta(days=1), source=through)

    again = upsert(row, row | {"external_id": "c2"}, now=NOW + timedelta(days=2), source="import people.csv")
    moved = upsert(row | {"city": "York"}, now=NOW + timedelta(days=2), source="import people.csv")

    assert (again, moved) == (["unchanged", "created"], ["updated"])
    found = Customer.objects.get(external_id="c1")
    assert (found.consent_email, found.consent_sms, found.city) == (False, True, "York")
    assert not Facts.objects.get(pk=found.pk).consent_email
    assert found.consents.filter(channel="email").count() == 2


@pytest.mark.parametrize(
    ("row", "through"),
    [
        ({"consent_email": True}, "console"),
        ({"consent_email": True}, "api"),
        ({"consent_email": True, "consent_at": "2026-03-01T11:00Z"}, "import"),
        ({"consents": [entry(True)]}, "import"),
    ],
)
def test_a_person_or_a_later_time_does_overturn_it(at_acme: Retailer, row: dict[str, Any], through: str) -> None:
    upsert({"external_id": "c1", "consents": [entry(False, said_at="2026-03-01T10:00Z", source="desk")]})

    assert upsert({"external_id": "c1", **row}, source=through) == ["updated"]

    assert Facts.objects.get().consent_email


def test_a_file_overturns_what_a_file_said(at_acme: Retailer) -> None:
    upsert({"external_id": "c1", "consent_email": True}, source="import a.csv")
    upsert({"external_id": "c1", "consent_email": False}, source="import b.csv")

    assert upsert({"external_id": "c1", "consent_email": True}, source="import c.csv") == ["updated"]

    assert Facts.objects.get().consent_email
