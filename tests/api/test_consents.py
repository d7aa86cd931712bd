"""Consent by API: statements in, history with proof out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from campaigns.models import Consent, Customer
from tenants import context
from tenants.accounts.models import Scope
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api, problem

YES = {
    "channel": "email", "granted": True, "said_at": "2026-03-01T12:00:00Z", "source": "checkout",
    "text": "News by e-mail?\nOnce a week.",
}  # fmt: skip


@pytest.fixture
def ana(acme: Retailer) -> Customer:
    with context.in_retailer(acme):
        return factories.customers(1, external_id="shop/1", consent_email=False)[0]


def test_statement_is_recorded_with_its_proof_and_tells_the_customer(api: Api, ana: Customer) -> None:
    said = api.post("customers/shop/1/consents/", YES)
    assert said.status_code == 201
    [proof] = said.json()["results"]
    recorded = datetime.fromisoformat(proof.pop("recorded_at"))
    assert timezone.now() - recorded < timedelta(minutes=1)
    assert proof == YES | {"topic": "", "by": "API key test", "is_current": True}
    assert api.get("customers/shop/1/").json()["consent_email"] is True


def test_several_statements_are_recorded_in_order(api: Api, ana: Customer) -> None:
    later = {"channel": "email", "topic": "news", "granted": False, "said_at": "2026-03-02T09:00:00"}
    said = api.post("customers/shop/1/consents/", {"consents": [YES, later]}).json()["results"]
    assert [(each["topic"], each["granted"], each["said_at"]) for each in said] == [
        ("", True, "2026-03-01T12:00:00Z"), ("news", False, "2026-03-02T09:00:00Z")
    ]  # fmt: skip
    history = api.get("customers/shop/1/consents/").json()["results"]
    assert history == said[::-1]
    assert api.get("customers/shop/1/consents/?topic=news").json()["results"] == said[1:]
    assert problem(api.get("customers/shop/1/consents/?source=till")) == (400, [("source", "unknown")])


def test_time_without_an_offset_is_the_retailers(globex: Retailer, api_of: Callable[..., Api]) -> None:
    with context.in_retailer(globex):
        factories.customers(1)
    said = api_of(globex).post("customers/c1/consents/", YES | {"said_at": "2026-03-01T05:00:00"})
    assert said.json()["results"][0]["said_at"] == "2026-03-01T12:00:00Z"


def test_left_out_it_was_said_now(api: Api, ana: Customer) -> None:
    said = api.post("customers/shop/1/consents/", {"channel": "sms", "granted": True}).json()["results"][0]
    assert datetime.now(UTC) - datetime.fromisoformat(said["said_at"]) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "channel"),
        (YES | {"channel": "fax"}, "channel"),
        (YES | {"channel": "webhook"}, "channel"),
        (YES | {"channel": []}, "channel"),
        (YES | {"granted": None}, "granted"),
        (YES | {"granted": "perhaps"}, "granted"),
        (YES | {"topic": "News!"}, "topic"),
        (YES | {"said_at": "yesterday"}, "said_at"),
        (YES | {"said_at": "2190-01-01T00:00:00Z"}, "said_at"),
        (YES | {"text": "x" * 10_001}, "text"),
        (YES | {"source": "x" * 201}, "source"),
        (YES | {"colour": "red"}, "colour"),
        ({"consents": [YES, YES | {"channel": "fax"}]}, "consents.1.channel"),
        ({"consents": []}, "consents"),
        ({"consents": [YES] * 101}, "consents"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_recorded(api: Api, ana: Customer, body: Any, field: str) -> None:
    status, errors = problem(api.post("customers/shop/1/consents/", body))
    assert (status, field in [name for name, _ in errors]) == (400, True), errors
    assert api.get("customers/shop/1/consents/").json()["results"] == []


def test_statement_in_the_near_future_is_a_wrong_clock(api: Api, ana: Customer) -> None:
    soon = (timezone.now() + timedelta(minutes=30)).isoformat()
    said = api.post("customers/shop/1/consents/", YES | {"said_at": soon})
    assert "is in the future" in said.json()["errors"][0]["message"]


def test_unknown_customer_and_key_without_the_right_are_refused(
    api: Api, api_of: Callable[..., Api], acme: Retailer, ana: Customer
) -> None:
    assert problem(api.post("customers/nobody/consents/", YES))[0] == 404
    assert api_of(acme, Scope.READ).post("customers/shop/1/consents/", YES).status_code == 403
    assert api_of(acme, Scope.INGEST).post("customers/shop/1/consents/", YES).status_code == 201


def test_repetition_under_one_key_is_answered_from_memory(api: Api, acme: Retailer, ana: Customer) -> None:
    first, second = (api.post("customers/shop/1/consents/", YES, idempotency_key="k") for _ in range(2))
    assert (first.json(), second["Idempotent-Replay"]) == (second.json(), "true")
    with context.in_retailer(acme):
        assert Consent.objects.count() == 1


def test_other_retailer_knows_neither_the_customer_nor_the_proof(
    api: Api, ana: Customer, globex: Retailer, api_of: Callable[..., Api]
) -> None:
    api.post("customers/shop/1/consents/", YES)
    assert api_of(globex).get("customers/shop/1/consents/").status_code == 404
    assert api_of(globex).post("customers/shop/1/consents/", YES).status_code == 404
