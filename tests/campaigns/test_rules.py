"""Rules as SQL agree with what they say, person for person, and hostile values stay values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import audience
from campaigns.config import gate, rules
from campaigns.models import Customer, Event
from tenants import context
from tenants.models import Retailer
from tests import factories

NOW = timezone.now().replace(microsecond=0)
CITIES = ["", "Leeds", "leeds", "Łódź", "York'; DROP TABLE campaigns_customer; --"]
TIERS: list[Any] = [None, "gold", "silver", 3, 3.5, "3", True, ""]
HOSTILE = ["' OR 1=1 --", "%s", "%(x)s", "{}", "$1", "\\", '"', ";", "\u202e", "💥", "?", ":x", "a%", "_", "NULL"]


@pytest.fixture
def people(acme: Retailer) -> Iterator[list[Customer]]:
    """Forty people over every combination of odd values, a third of them with events."""
    with context.in_retailer(acme):
        made = factories.stored(
            [
                Customer(
                    external_id=f"p{n}",
                    city=CITIES[n % len(CITIES)],
                    consent_email=n % 2 == 0,
                    attributes={} if TIERS[n % len(TIERS)] is None else {"tier": TIERS[n % len(TIERS)]},
                )
                for n in range(40)
            ]
        )
        factories.happened(
            [
                Event(
                    event_id=f"e{n}-{k}",
                    customer=made[n],
                    name="order" if k % 3 else "view",
                    occurred_at=NOW - timedelta(days=7 * k, hours=1),
                    value=Decimal(10 * k) if k % 4 else None,
                    properties={"category": ["wine", "bread"][k % 2]} if k != 2 else {},
                )
                for n in range(0, 40, 3)
                for k in range(1, 2 + n % 7)
            ]
        )
        yield made


def matched(rule: Any) -> set[str]:
    compiled = audience.compile_rule(gate.parse_rule(rule), as_of=NOW)
    sql = f"SELECT c.id, c.external_id {audience.FROM} WHERE {compiled.text}"
    return {customer.external_id for customer in Customer.objects.raw(sql, compiled.params)}


leaves = st.one_of(
    st.builds(lambda v: {"attribute": "city", "eq": v}, st.sampled_from(CITIES[1:] + HOSTILE)),
    st.builds(lambda v: {"attribute": "city", "ne": v}, st.sampled_from(CITIES[1:])),
    st.builds(lambda v: {"attribute": "city", "in": v}, st.lists(st.sampled_from(CITIES[1:]), min_size=1)),
    st.builds(lambda v: {"attribute": "city", "not_in": v}, st.lists(st.sampled_from(CITIES[1:]), min_size=1)),
    st.builds(lambda v: {"attribute": "city", "exists": v}, st.booleans()),
    st.builds(lambda v: {"attribute": "city", "contains": v}, st.sampled_from(["EE", "ó", "%", "'"])),
    st.builds(lambda v: {"attribute": "city", "starts_with": v}, st.sampled_from(["le", "Ł", "_"])),
    st.builds(lambda o, v: {"attribute": "tier", o: v}, st.sampled_from(["eq", "ne", "gte", "lt"]), st.integers(2, 4)),
    st.builds(lambda v: {"attribute": "tier", "eq": v}, st.sampled_from(["gold", "3", True])),
    st.builds(lambda v: {"attribute": "tier", "exists": v}, st.booleans()),
    st.just({"attribute": "tier", "between": [3, 4]}),
    st.just({"consent": {"channel": "email"}}),
    st.builds(
        lambda name, extra: {"event": name} | extra,
        st.sampled_from(["order", "view", "never"]),
        st.fixed_dictionaries(
            {},
            optional={
                "count": st.dictionaries(
                    st.sampled_from(["gte", "lte", "eq", "lt", "gt"]), st.integers(0, 4), min_size=1
                ),
                "sum": st.builds(
                    lambda o, v: {"property": "value", o: v}, st.sampled_from(["gte", "lt", "eq"]), st.integers(0, 60)
                ),
                "within": st.sampled_from(["1d", "8d", "30d"]),
                "where": st.just([{"property": "category", "eq": "wine"}]),
            },
        ),
    ),
)
trees = st.recursive(
    leaves,
    lambda inner: (
        st.builds(lambda r: {"all": r}, st.lists(inner, max_size=3))
        | st.builds(lambda r: {"any": r}, st.lists(inner, max_size=3))
        | st.builds(lambda r: {"not": r}, inner)
    ),
    max_leaves=6,
)


def test_sql_agrees_with_an_oracle_person_for_person(people: list[Customer]) -> None:
    events: dict[int, list[Event]] = {}
    for event in Event.objects.all():
        events.setdefault(event.customer_id, []).append(event)

    @given(trees)
    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    def agrees(rule: Any) -> None:
        parsed = gate.parse_rule(rule)
        expected = {p.external_id for p in people if holds(parsed, p, events.get(p.pk, []))}
        assert matched(rule) == expected

    agrees()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_reaches_sql_as_a_value_only(people: list[Customer], text: str) -> None:
    everybody = {person.external_id for person in people}
    for rule in (
        {"attribute": "city", "eq": text},
        {"attribute": "tier", "eq": text},
        {"attribute": "city", "contains": text},
        {"event": text},
        {"event": "order", "where": [{"property": "category", "eq": text}]},
    ):
        assert matched(rule) | matched({"not": rule}) == everybody
    assert Customer.objects.count() == len(people)


def test_sample_is_stable_and_near_its_share(people: list[Customer]) -> None:
    assert matched({"sample": 1}) == {person.external_id for person in people}
    assert matched({"sample": 0}) == set()
    assert matched({"sample": 0.3}) <= matched({"sample": 0.6})


def holds(rule: Any, person: Customer, events: list[Event]) -> bool:
    """The oracle: what a rule means, said once more in Python."""
    if isinstance(rule, rules.AllOf):
        return all(holds(inner, person, events) for inner in rule.all)
    if isinstance(rule, rules.AnyOf):
        return any(holds(inner, person, events) for inner in rule.any)
    if isinstance(rule, rules.Not):
        return not holds(rule.not_, person, events)
    if isinstance(rule, rules.Consented):
        return person.consent_email
    if isinstance(rule, rules.Event):
        return event_holds(rule, events, NOW)
    value = (person.city or None) if rule.attribute == "city" else person.attributes.get(rule.attribute)
    return compares(rule, value)


def event_holds(rule: rules.Event, events: list[Event], now: datetime) -> bool:
    found = [
        event
        for event in events
        if event.name == rule.event
        and event.occurred_at <= now
        and (rule.within is None or event.occurred_at > now - rule.within)
        and all(compares(where, event.properties.get(where.property)) for where in rule.where)
    ]
    if rule.count is None and rule.sum is None:
        return bool(found)
    total = float(sum(event.value or 0 for event in found))
    return (rule.count is None or rule.count.holds(len(found))) and (rule.sum is None or rule.sum.holds(total))


def compares(rule: rules.Comparison, value: Any) -> bool:  # noqa: C901 -- one line an operator
    operator, operand = rule.operator, rule.operand
    if operator == "exists":
        return (value is not None) is operand
    wanted = operand if isinstance(operand, list | tuple) else [operand]
    if all(isinstance(one, int | float) and not isinstance(one, bool) for one in wanted):
        value = number(value)
    else:
        value = text(value)
        wanted = [text(one) for one in wanted]
    if operator == "ne":
        return bool(value != wanted[0])
    if operator == "not_in":
        return value not in wanted
    if value is None:
        return False
    if operator == "in":
        return value in wanted
    if operator == "between":
        return bool(wanted[0] <= value <= wanted[1])
    if operator == "contains":
        return str(wanted[0]).lower() in str(value).lower()
    if operator == "starts_with":
        return str(value).lower().startswith(str(wanted[0]).lower())
    return {"eq": value == wanted[0], "lt": value < wanted[0], "gte": value >= wanted[0]}[operator]


def number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except ValueError:
        return None


def text(value: Any) -> str | None:
    return None if value is None else ("true" if value is True else "false" if value is False else str(value))
