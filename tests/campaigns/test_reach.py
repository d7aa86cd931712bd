"""Who matches a rule as it is written: the same counts as a run's, in two statements."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import audience, reach, suppressions
from campaigns.config.gate import parse_campaign, parse_rule
from campaigns.models import Customer, Event
from tenants.models import Retailer
from tests import factories

RULES: list[dict[str, Any]] = [
    {"all": []},
    {"any": []},
    {"attribute": "city", "eq": "Leeds"},
    {"not": {"attribute": "tier", "in": ["gold", "silver"]}},
    {"sample": 0.4},
]


@pytest.fixture
def people(at_acme: Retailer) -> None:
    factories.customers(12)
    factories.customers(3, first=20, email="family@example.test", phone="+447700900001", consent_sms=True)
    factories.customers(2, first=30, consent_email=False, city="York", attributes={"tier": "gold"})
    factories.customers(2, first=40, email="", consent_sms=True)
    suppressions.add(channel="email", address="c1@example.test", reason="manual", source="")
    suppressions.add(channel="email", address="family@example.test", reason="manual", source="")
    suppressions.remove(channel="email", address="family@example.test")


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_waterfall_is_the_one_that_a_run_would_write(rule: dict[str, Any], people: None) -> None:
    now, parsed = timezone.now(), parse_rule(rule)
    with CaptureQueriesContext(connection) as seen:
        found = reach.look(parsed, as_of=now)
    asked = [each["sql"] for each in seen if "_facts f" in each["sql"] or "FROM campaigns_customer" in each["sql"]]
    assert len(asked) == (2 if found.matched else 1)
    config = parse_campaign(factories.config(audience={"include": rule}))
    assert found.channels["email"] == audience.count(config, as_of=now)
    assert found.matched == found.channels["sms"].candidates


def test_shared_number_reaches_one_of_those_who_share_it(people: None) -> None:
    sms = reach.look(parse_rule({"consent": {"channel": "sms"}}), as_of=timezone.now()).channels["sms"]
    assert (sms.candidates, sms.included, sms.excluded) == (5, 1, {"no_address": 2, "duplicate_address": 2})


def test_examples_of_many_are_noted_in_passing(at_acme: Retailer) -> None:
    factories.customers(1000)
    found = reach.look(parse_rule({"all": []}), as_of=timezone.now())
    assert len({customer.pk for customer in found.examples}) == reach.EXAMPLES
    assert {customer.city for customer in found.examples} == {"Leeds"}


def test_examples_are_people_who_match(people: None) -> None:
    found = reach.look(parse_rule({"attribute": "city", "eq": "York"}), as_of=timezone.now())
    assert {customer.external_id for customer in found.examples} == {"c30", "c31"}


OF_EVENTS: list[dict[str, Any]] = [
    {"event": "order", "within": "30d"},
    {"event": "order", "count": {"lte": 1}, "within": "30d"},
    {"not": {"event": "order"}},
    {"event": "order", "sum": {"property": "value", "gte": 15}},
    {"any": [{"event": "view", "within": "7d"}, {"engaged": {"channel": "email", "within": "30d"}}]},
    {"all": [{"not": {"engaged": {"channel": "email", "within": "1d"}}}, {"event": "order", "count": {"eq": 1}}]},
]


@pytest.mark.parametrize("dear", [-1, reach._DEAR], ids=["as Postgres chooses", "at once"])
@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("rule", OF_EVENTS, ids=str)
def test_what_happens_later_counts_for_nobody(
    rule: dict[str, Any], is_late: bool, dear: int, people: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, day = timezone.now(), timedelta(days=1)
    monkeypatch.setattr(reach, "_DEAR", dear)
    ages = [day, 3 * day, 40 * day] + ([-day / 2, -day / 3] if is_late else [])
    factories.happened(
        Event(event_id=f"{name}{n}-{age}", customer=person, name=name, occurred_at=now - age, value=10)
        for n, person in enumerate(Customer.objects.order_by("pk"))
        for name, age in zip(
            itertools.cycle(("order", "view", "email_opened")[: n % 3 + 1]), ages[n % 4 :], strict=False
        )
    )
    found = reach.look(parse_rule(rule), as_of=now)
    config = parse_campaign(factories.config(audience={"include": rule}))
    assert found.channels["email"] == audience.count(config, as_of=now)
    assert {person.pk for person in found.examples} <= _members(rule, now)


def _members(rule: dict[str, Any], now: datetime) -> set[int]:
    _, sample = audience.preview(parse_rule(rule), as_of=now, sample=100)
    return set(
        Customer.objects.filter(external_id__in=[row["external_id"] for row in sample]).values_list("pk", flat=True)
    )
