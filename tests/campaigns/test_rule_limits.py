"""What a rule may not ask, and what it may not be made of: said with the field and the cure, before it is used."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from campaigns import audience, checks, editing
from campaigns.config import gate
from campaigns.config.gate import Invalid
from campaigns.models import AttributeDefinition, Segment
from tenants.models import Retailer
from tests import factories

DECLARED = {"points": "number", "is_member": "boolean", "renewal": "date", "level": "text"}


@pytest.fixture
def declared(at_acme: Retailer) -> Retailer:
    for name, kind in DECLARED.items():
        AttributeDefinition.objects.create(name=name, type=kind)
    return at_acme


def problems_of(rule: Any) -> list[gate.Problem]:
    """What saving a segment says, and publishing a campaign says of the same rule."""
    with pytest.raises(Invalid) as refused:
        editing.save_segment(Segment(key="s", name="S", rule=rule), now=timezone.now())
    factories.template()
    config = gate.parse_campaign(factories.config(audience={"include": rule}))
    told = [p for p in checks.check(config, as_of=timezone.now()) if p.field.startswith("audience.include")]
    saved = [problem.field.removeprefix("rule.") for problem in refused.value.problems]
    assert [problem.field.removeprefix("audience.include.") for problem in told] == saved
    return told


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"attribute": "points", "eq": "many"}, "eq"),
        ({"attribute": "points", "in": [1, "2"]}, "in"),
        ({"attribute": "points", "contains": "1"}, "contains"),
        ({"attribute": "points", "before": "today"}, "before"),
        ({"attribute": "attributes.points", "gt": True}, "gt"),
        ({"attribute": "is_member", "eq": "true"}, "eq"),
        ({"attribute": "is_member", "gte": False}, "gte"),
        ({"attribute": "renewal", "eq": "soon"}, "eq"),
        ({"attribute": "renewal", "between": ["2026-01-01", 3]}, "between"),
        ({"all": [{"attribute": "city", "eq": "x"}, {"not": {"attribute": "points", "lt": "x"}}]}, "all.1.not.lt"),
        ({"any": [{"attribute": "points", "ne": ""}, {"attribute": "renewal", "gt": 5}]}, "any.0.ne"),
    ],
)
def test_declared_attribute_is_compared_with_its_own_kind(declared: Retailer, wrong: Any, field: str) -> None:
    found = problems_of(wrong)
    assert found[0].field == f"audience.include.{field}"
    assert "is declared as a" in found[0].message
    assert "compare it with" in found[0].message
    assert {problem.code for problem in found} == {"type"}


@pytest.mark.parametrize(
    "right",
    [
        {"attribute": "points", "gte": 5}, {"attribute": "points", "in": [1, 2.5]},
        {"attribute": "points", "exists": True},
        {"attribute": "is_member", "eq": True}, {"attribute": "is_member", "not_in": [False]},
        {"attribute": "renewal", "gte": "2026-01-01"}, {"attribute": "renewal", "starts_with": "2026-"},
        {"attribute": "renewal", "on": "in 7d"}, {"attribute": "renewal", "anniversary": True},
        {"attribute": "level", "eq": 3}, {"attribute": "level", "contains": "x"}, {"attribute": "free", "lt": "x"},
    ],
)  # fmt: skip
def test_what_fits_is_saved(declared: Retailer, right: Any) -> None:
    editing.save_segment(Segment(key="s", name="S", rule=right), now=timezone.now())


def test_rule_from_before_the_declaration_still_answers(at_acme: Retailer) -> None:
    factories.customers(2, attributes={"points": "many"})
    rule = gate.parse_rule({"attribute": "points", "eq": "many"})
    AttributeDefinition.objects.create(name="points", type="number", slot="number_1", ready_at=timezone.now())
    assert audience.preview(rule, as_of=timezone.now())[0] == 2


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"engaged": "first"}, "only the `when` of a later step can ask for step 'first'"),
        ({"engaged": {"channel": "webhook", "within": "1d"}}, "kept for email, sms and push"),
        ({"consent": {"channel": "webhook"}}, "kept for email, sms and push"),
        ({"segment": "none"}, "there is no segment 'none'"),
        ({"event": "order", "where": [{"property": "value", "eq": "much"}]}, "compare it with a number"),
        ({"event": "order", "where": [{"property": "value", "gt": True}]}, "compare it with a number"),
    ],
)
def test_what_cannot_be_asked_is_said(at_acme: Retailer, rule: Any, words: str) -> None:
    with pytest.raises(Invalid, match=words.replace("'", ".")):
        audience.preview(gate.parse_rule(rule), as_of=timezone.now())


def test_segments_that_lead_in_a_circle_are_not_saved(at_acme: Retailer) -> None:
    now = timezone.now()
    first = Segment(key="a", name="A", rule={"any": []})
    editing.save_segment(first, now=now)
    editing.save_segment(Segment(key="b", name="B", rule={"not": {"segment": "a"}}), now=now)
    first.rule = {"all": [{"segment": "b"}]}
    with pytest.raises(Invalid, match="circle: a -> b -> a"):
        editing.save_segment(first, now=now)
    with pytest.raises(Invalid, match="circle: c -> c"):
        editing.save_segment(Segment(key="c", name="C", rule={"segment": "c"}), now=now)


def test_chains_and_multiplied_segments_are_bounded(at_acme: Retailer) -> None:
    """A long chain must not exhaust the stack, nor a short one the database."""
    Segment.objects.create(key="s0", name="S", rule={"event": "view"})
    for n in range(1, 400):
        Segment.objects.create(key=f"s{n}", name="S", rule={"not": {"segment": f"s{n - 1}"}})
    audience.preview(gate.parse_rule({"segment": "s30"}), as_of=timezone.now())
    with pytest.raises(Invalid, match="inside one another") as deep:
        audience.preview(gate.parse_rule({"segment": "s399"}), as_of=timezone.now())
    assert deep.value.problems[0].code == "too_deep"
    Segment.objects.create(key="m0", name="M", rule={"attribute": "city", "eq": "x"})
    for n in range(1, 12):
        Segment.objects.create(key=f"m{n}", name="M", rule={"all": [{"segment": f"m{n - 1}"}] * 4})
    with pytest.raises(Invalid, match="in all") as large:
        audience.preview(gate.parse_rule({"segment": "m11"}), as_of=timezone.now())
    assert large.value.problems[0].code == "too_large"


def test_segment_that_makes_others_too_deep_is_not_saved(at_acme: Retailer) -> None:
    now = timezone.now()
    lowest = Segment(key="s0", name="S", rule={"event": "view"})
    editing.save_segment(lowest, now=now)
    for n in range(1, 45):
        editing.save_segment(Segment(key=f"s{n}", name="S", rule={"not": {"segment": f"s{n - 1}"}}), now=now)
    deep: dict[str, Any] = {"event": "view"}
    for _ in range(30):
        deep = {"not": deep}
    lowest.rule = deep
    with pytest.raises(Invalid, match=r"segment s\d+ would no longer hold"):
        editing.save_segment(lowest, now=now)
