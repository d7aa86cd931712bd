"""Stage 1 through its functions: what is accepted, what is refused, with the field and the cure."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns import configuration, schedule
from campaigns.config import gate
from campaigns.config.campaign import ScheduleTrigger
from campaigns.config.gate import Invalid
from campaigns.models import Campaign, Run
from tenants import context
from tenants.models import Retailer
from tests import factories

NESTED: Any = {"attribute": "city", "eq": "x"}
for _ in range(10_000):
    NESTED = {"not": NESTED}


def problems_of(data: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        gate.parse_campaign(data)
    return {problem.field: problem.message for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"audience": None}, "audience", "valid dictionary"),
        ({"audience": {}}, "audience.include", "required"),
        ({"audience": {"include": {}}}, "audience.include", "exactly one of: all, any, not"),
        ({"audience": {"include": {"attribute": "city"}}}, "audience.include", "exactly one operator"),
        ({"audience": {"include": {"all": []}, "holdout": 2}}, "audience.holdout", "less than or equal to 1"),
        ({"steps": []}, "steps", "at least 1"),
        ({"steps": [{"key": "a", "channel": "pigeon", "template": "t"}]}, "steps.0.channel", "'email'"),
        ({"trigger": {"kind": "sometime"}}, "trigger", "schedule"),
        ({"trigger": {"kind": "schedule", "at": "whenever"}}, "trigger.at", "write a date and time"),
        ({"timing": {"expire_after": "1 fortnight"}}, "timing.expire_after", "30m, 24h, 7d or 8w"),
        ({"key": "Not A Key"}, "key", "pattern"),
        ({"colour": "red"}, "colour", "unknown here"),
        ({"audience": {"include": NESTED}}, "", "nested deeper"),
        ({"name": "x\x00y"}, "", "NUL"),
        ({"name": "\ud800"}, "", "half of a character"),
        ({"audience": {"include": {"sample": float("nan")}}}, "", "finite"),
        ({"audience": {"include": {"sample": 10**400}}}, "", "too large"),
        ({"name": "x" * 300_000}, "", "larger than"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(changed: dict[str, Any], field: str, words: str) -> None:
    found = problems_of(factories.config() | changed)
    assert words in found[field]


def test_step_cannot_come_after_one_that_does_not_come_before() -> None:
    step = {"key": "a", "channel": "email", "template": "t", "after": {"step": "a", "delay": "1d"}}
    assert "no earlier step" in next(iter(problems_of(factories.config(steps=[step])).values()))


def test_dump_gives_back_what_was_parsed() -> None:
    data = factories.config(
        trigger={"kind": "schedule", "at": "2026-12-01T09:00:00"},
        audience={
            "include": {"any": [{"segment": "s"}, {"not": {"attribute": "city", "in": ["a", "b"]}}]},
            "holdout": 0.1,
        },
        timing={"expire_after": "24h"},
    )
    once = gate.dump(gate.parse_campaign(data))
    assert gate.dump(gate.parse_campaign(once)) == once
    assert once["audience"] == data["audience"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    ["all", "any", "not", "event", "attribute", "eq", "in", "key", "steps", "trigger", "kind"]
                )
                | st.text(max_size=5),
                inner,
                max_size=5,
            )
        ),
        max_leaves=30,
    )
)
@settings(max_examples=400, deadline=2000)
def test_gate_answers_anything_with_a_configuration_or_with_problems(data: Any) -> None:
    for parse in (gate.parse_campaign, gate.parse_rule):
        with contextlib.suppress(Invalid):  # any other exception fails the test
            assert parse(data)


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"audience": {"include": {"segment": "nobody"}}}, "audience.include.segment", "no segment 'nobody'"),
        ({"steps": [{"key": "a", "channel": "email", "template": "none"}]}, "steps.0.template", "known: hello"),
        ({"steps": [{"key": "a", "channel": "sms", "template": "hello"}]}, "steps.0.template", "choose one for sms"),
        ({"timing": {"mode": "best_hour"}}, "timing.mode", "mode best_hour cannot run yet: use now"),
        ({"trigger": {"kind": "recurring", "rrule": "FREQ=HOURLY"}}, "trigger.rrule", "begin with FREQ=DAILY"),
        ({"trigger": {"kind": "recurring", "rrule": "FREQ=DAILY;BYHOUR=x"}}, "trigger.rrule", "no RFC 5545 rule"),
        (
            {"trigger": {"kind": "recurring", "rrule": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"}},
            "trigger.rrule",
            "the day 30 does not exist in the month 2",
        ),
        ({"trigger": {"kind": "recurring", "rrule": "FREQ=DAILY;BYSETPOS=2"}}, "trigger.rrule", "BYSETPOS cannot"),
        ({"trigger": {"kind": "recurring", "rrule": "FREQ=DAILY;COUNT=3"}}, "trigger.rrule", "needs `starts`"),
        ({"trigger": {"kind": "schedule", "at": "2020-01-01T09:00:00"}}, "trigger.at", "has passed"),
        (
            {
                "steps": [
                    {
                        "key": "a",
                        "channel": "email",
                        "template": "hello",
                        "variants": [{"key": "a", "subject": "Hi {{ customer.frist_name }}"}],
                    }
                ]
            },
            "steps.0.variants.0.subject",
            "customer.frist_name is unknown",
        ),
    ],
)
def test_what_cannot_run_is_refused_before_it_is_published(
    at_acme: Retailer, changed: dict[str, Any], field: str, words: str
) -> None:
    campaign = factories.campaign(**changed)
    with pytest.raises(Invalid) as caught:
        configuration.launch(campaign, by="test", now=timezone.now())
    found = {problem.field: problem.message for problem in caught.value.problems}
    assert words in found[field]
    assert Run.objects.count() == 0


def test_segments_that_refer_to_each_other_are_refused(at_acme: Retailer) -> None:
    factories.segment("a", {"segment": "b"})
    factories.segment("b", {"not": {"segment": "a"}})
    campaign = factories.campaign(audience={"include": {"segment": "a"}})
    with pytest.raises(Invalid, match="in a circle: a -> b -> a"):
        configuration.publish(campaign, now=timezone.now())


def test_publishing_freezes_a_version_and_the_same_draft_is_the_same_version(at_acme: Retailer) -> None:
    campaign = factories.campaign()
    first = configuration.publish(campaign, now=timezone.now())
    assert configuration.publish(campaign, now=timezone.now()) == first
    configuration.save_draft(factories.config(topic="news"), campaign=campaign)
    second = configuration.publish(campaign, now=timezone.now())
    assert (first.number, second.number) == (1, 2)
    assert first.content_hash != second.content_hash


def test_lost_update_is_refused(at_acme: Retailer) -> None:
    campaign = factories.campaign()
    read = campaign.draft_number
    configuration.save_draft(factories.config(name="Hers"), campaign=campaign, draft_number=read)
    with pytest.raises(configuration.Conflict):
        configuration.save_draft(factories.config(name="His"), campaign=campaign, draft_number=read)
    assert Campaign.objects.get().name == "Hers"


def test_one_occurrence_starts_one_run_whoever_starts_it(at_acme: Retailer) -> None:
    campaign, now = factories.campaign(), timezone.now()
    runs = {configuration.launch(campaign, by="test", now=now, occurrence="order-77").pk for _ in range(3)}
    assert len(runs) == 1
    assert configuration.launch(campaign, by="test", now=now, occurrence="order-78").pk not in runs


def test_wall_clock_times_are_the_retailers(globex: Retailer) -> None:
    with context.in_retailer(globex):
        config = gate.parse_campaign(factories.config(trigger={"kind": "schedule", "at": "2026-12-01T09:00:00"}))
        assert isinstance(config.trigger, ScheduleTrigger)
        due = schedule.only_occurrence(config.trigger, globex.tzinfo)
        assert due.at.isoformat() == "2026-12-01T16:00:00+00:00"
