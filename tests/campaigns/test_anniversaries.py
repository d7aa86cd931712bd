"""`{attribute: birthday, anniversary: true}`: whose day it is, in the retailer's own calendar."""

from __future__ import annotations

from calendar import isleap
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from campaigns import audience, facts, sentences
from campaigns.config import gate
from campaigns.config.gate import Invalid
from campaigns.forms import builder, rows
from campaigns.models import Customer, Event
from tenants import context
from tenants.models import Retailer
from tests import factories

RULE: dict[str, Any] = {"attribute": "birthday", "anniversary": True}
MALFORMED: list[Any] = [
    "", "17 May 1990", "1990-5-17", "05-17-1990", "1990-05-17T00:00:00", " 05-17", "05-17\n", "x-05-17", "990-05-17",
    "'; DROP TABLE campaigns_customer; --05-17", "\u0660\u0665-\u0661\u0667",
    517, 5.17, True, None, ["05-17"], {"month": 5}
]  # fmt: skip


def born(*birthdays: Any) -> None:
    factories.stored(
        Customer(external_id=f"p{n}", attributes={"birthday": birthday}) for n, birthday in enumerate(birthdays)
    )


def matched(rule: Any, as_of: datetime) -> list[Any]:
    compiled = audience.compile_rule(gate.parse_rule(rule), as_of=as_of)
    sql = f"SELECT c.* {audience.FROM} WHERE {compiled.text} ORDER BY c.id"
    return [person.attributes.get("birthday") for person in Customer.objects.raw(sql, compiled.params)]


def noon(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 12, tzinfo=UTC)


def test_day_and_month_count_and_the_year_does_not(at_acme: Retailer) -> None:
    written = ["1990-05-17", "2026-05-17", "--05-17", "05-17"]
    born(*written, "1990-05-16", "1990-06-17", "17-05", "--05-18")
    assert matched(RULE, noon(2026, 5, 17)) == written


def test_what_is_no_date_matches_on_no_day_and_breaks_nothing(at_acme: Retailer) -> None:
    born(*MALFORMED)
    assert matched(RULE, noon(2026, 5, 17)) == []
    assert len(matched({"not": RULE}, noon(2026, 5, 17))) == len(MALFORMED)


def test_every_birthday_comes_once_a_year_leap_days_on_the_28th_in_years_without_one(at_acme: Retailer) -> None:
    leap_year = [date(2024, 1, 1) + timedelta(days=n) for n in range(366)]
    born(*(f"{day:1984-%m-%d}" for day in leap_year))
    for year in (2026, 2028, 2100):
        for day in (date(year, 1, 1) + timedelta(days=n) for n in (0, 31, 57, 58, 59, 60, 180, 364)):
            expected = [f"{day:1984-%m-%d}"]
            if (day.month, day.day) == (2, 28) and not isleap(year):
                expected.append("1984-02-29")
            assert matched(RULE, noon(day.year, day.month, day.day)) == expected


def test_day_begins_at_midnight_in_the_retailers_zone(acme: Retailer, globex: Retailer) -> None:
    instant = datetime(2026, 5, 17, 2, 0, tzinfo=UTC)  # 03:00 on the 17th in London, 20:00 on the 16th in Denver
    for retailer, expected in ((acme, "05-17"), (globex, "05-16")):
        with context.in_retailer(retailer):
            born("05-16", "05-17")
            assert matched(RULE, instant) == [expected]


def test_field_of_the_customer_and_property_of_an_event_have_anniversaries_too(at_acme: Retailer) -> None:
    person = Customer.objects.create(external_id="05-17", attributes={"birthday": "me"})
    Event.objects.create(
        event_id="e", customer=person, name="wedding", occurred_at=noon(2020, 1, 1), properties={"on": "2019-05-17"}
    )
    facts.recompute()
    on_the_day, later = noon(2026, 5, 17), noon(2026, 5, 18)
    wedding = {"event": "wedding", "where": [{"property": "on", "anniversary": True}]}
    for rule in ({"attribute": "external_id", "anniversary": True}, wedding):
        assert matched(rule, on_the_day) == ["me"]
        assert matched(rule, later) == []
    for name in ("value", "currency"):
        assert matched({"event": "wedding", "where": [{"property": name, "anniversary": True}]}, on_the_day) == []


@pytest.mark.parametrize("operand", [False, "true", "05-17", 2])
def test_anniversary_is_true_or_left_out(operand: Any) -> None:
    with pytest.raises(Invalid):
        gate.parse_rule({"attribute": "birthday", "anniversary": operand})


def test_operator_is_among_those_that_are_told() -> None:
    with pytest.raises(Invalid, match="starts_with, exists, anniversary"):
        gate.parse_rule({"attribute": "birthday"})


def test_rule_reads_as_a_sentence() -> None:
    assert sentences.sentence(gate.parse_rule(RULE)) == "Everyone whose birthday is today, in any year."


@pytest.mark.parametrize("rule", [RULE, {"event": "wedding", "where": [{"property": "on", "anniversary": True}]}])
def test_rule_builder_shows_it_and_hands_it_back(rule: Any) -> None:
    assert rows.compose(rows.row_of(gate.parse_rule(rule))) == rule
    tree = builder.tree_of(gate.parse_rule({"all": [rule, {"attribute": "city", "eq": "Leeds"}]}))
    assert builder.compose(tree) == {"all": [rule, {"attribute": "city", "eq": "Leeds"}]}
