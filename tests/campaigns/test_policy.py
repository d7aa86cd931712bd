"""Policy as a lattice, and resolution as a union of layers: laws that hold for whatever is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import policies
from campaigns.config import bans, layers
from campaigns.config import policy as rules
from campaigns.config.gate import Invalid, dump_written, parse_campaign
from campaigns.config.policy import OPEN, Policy
from tests import factories
from tests.campaigns.strategies import GUARDS, configs, policies_

LONDON = ZoneInfo("Europe/London")
_FROM, _TO = datetime(2026, 1, 1), datetime(2027, 12, 31)  # noqa: DTZ001 -- hypothesis adds the zone


def said(policy: Policy) -> dict[str, Any]:
    return policy.model_dump()


@given(policies_(), policies_(), policies_())
def test_meet_is_associative_commutative_and_idempotent(a: Policy, b: Policy, c: Policy) -> None:
    assert said(rules.meet(rules.meet(a, b), c)) == said(rules.meet(a, rules.meet(b, c)))
    assert said(rules.meet(a, b)) == said(rules.meet(b, a))
    assert said(rules.meet(a, a)) == said(rules.meet(a, OPEN)) == said(a)


@given(policies_(), policies_())
def test_what_lies_below_can_only_tighten(above: Policy, below: Policy) -> None:
    assert not rules.loosenings(above, rules.meet(above, below))


@given(policies_(), policies_(), configs())
def test_what_one_layer_forbids_no_other_layer_allows(above: Policy, below: Policy, data: dict[str, Any]) -> None:
    config = parse_campaign(data)
    both = {(p.field, p.code) for p in bans.of_campaign(config, rules.meet(above, below), zone=LONDON)}
    for alone in (above, below):
        assert {(p.field, p.code) for p in bans.of_campaign(config, alone, zone=LONDON)} <= both


@given(policies_(), policies_())
def test_what_is_not_told_as_looser_takes_effect(above: Policy, below: Policy) -> None:
    loose = {problem.field for problem in rules.loosenings(above, below)}
    both = rules.meet(above, below)
    for name in {"channels", "sender_domains", "template_features", "max_per_day", "max_discount", *GUARDS} - loose:
        assert getattr(below, name) in (None, getattr(both, name))
    for name in {"min_holdout", "universal_holdout"} - loose:
        assert getattr(below, name) in (0, getattr(both, name))
    if "per_customer" not in loose:
        assert all(cap in [*both.per_customer, *above.per_customer] for cap in below.per_customer)


@pytest.mark.parametrize(
    ("above", "below", "loose"),
    [
        ({"channels": ["email"]}, {"channels": ["email", "sms"]}, ["channels"]),
        ({"channels": ["email", "sms"]}, {"channels": ["email"]}, []),
        ({"quiet_hours": [["21:00", "08:00"]]}, {"quiet_hours": [["22:00", "07:00"]]}, ["quiet_hours"]),
        ({"quiet_hours": [["21:00", "08:00"]]}, {"quiet_hours": [["12:00", "13:00"]]}, []),
        (
            {"per_customer": [{"messages": 3, "per": "7d"}]},
            {"per_customer": [{"messages": 4, "per": "7d"}]},
            ["per_customer"],
        ),
        ({"per_customer": [{"messages": 3, "per": "7d"}]}, {"per_customer": [{"messages": 1, "per": "1d"}]}, []),
        ({"footer": ["unsubscribe_url"]}, {"footer": ["brand.postal_address"]}, []),
        ({"approval": True}, {"approval": False}, ["approval"]),
        ({"sender_dns": True}, {"sender_dns": False}, ["sender_dns"]),
        ({"min_holdout": 0.1}, {"min_holdout": 0.05}, ["min_holdout"]),
        ({"universal_holdout": 0.05}, {"universal_holdout": 0.02}, ["universal_holdout"]),
        ({"universal_holdout": 0.05}, {"universal_holdout": 0.06}, []),
        ({"max_per_day": 100}, {"max_per_day": 200, "max_discount": 90}, ["max_per_day"]),
        ({}, {"approval": False, "max_per_day": 200}, []),
    ],
)
def test_only_what_is_tighter_or_new_may_be_said_below(above: Any, below: Any, loose: list[str]) -> None:
    found = rules.loosenings(policies.parse_policy(above), policies.parse_policy(below))
    assert [problem.field for problem in found] == loose


@given(policies_(), st.datetimes(_FROM, _TO, timezones=st.just(UTC)))
def test_quiet_hours_end_when_they_say_and_never_begin_a_message(policy: Policy, now: datetime) -> None:
    opens = rules.opens_at(policy, now, LONDON)
    if opens is None:
        return
    assert now < opens <= now + timedelta(days=1, hours=1)
    whole_day = policy.quiet_hours == [("00:00", "00:00")]
    assert whole_day or rules.opens_at(policy, opens, LONDON) is None


def test_quiet_hours_go_over_midnight_and_over_the_change_of_clocks() -> None:
    policy = policies.parse_policy({"quiet_hours": [["21:00", "08:00"]]})
    assert rules.opens_at(policy, datetime(2026, 7, 1, 19, 59, tzinfo=UTC), LONDON) is None
    assert rules.opens_at(policy, datetime(2026, 7, 1, 20, 0, tzinfo=UTC), LONDON) == datetime(
        2026, 7, 2, 7, tzinfo=UTC
    )
    spring = rules.opens_at(policy, datetime(2026, 3, 28, 23, 0, tzinfo=UTC), LONDON)
    assert spring == datetime(2026, 3, 29, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("policy", "field", "words"),
    [
        ({"channels": []}, "", "leave at least one"),
        ({"channels": ["pigeon"]}, "channels.0", "'email'"),
        ({"quiet_hours": [["00:00", "00:00"]]}, "quiet_hours", "leave some of the day"),
        ({"min_holdout": 0.95}, "", "at most 0.9"),
        ({"universal_holdout": 0.6}, "", "at most 0.5"),
        ({"max_per_day": 0}, "max_per_day", "greater than or equal to 1"),
        ({"sender_domains": ["not a domain"]}, "sender_domains.0", "pattern"),
        ({"discount": 5}, "discount", "unknown here"),
        ({"per_customer": [{"messages": 0, "per": "7d"}]}, "per_customer.0.messages", "greater than"),
        ([], "", "valid dictionary"),
    ],
)
def test_a_policy_that_is_none_is_refused_with_field_and_cure(policy: Any, field: str, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        policies.parse_policy(policy)
    found = {problem.field: problem.message for problem in refused.value.problems}
    assert words in found[field]


@pytest.mark.parametrize(
    ("policy", "changed", "field"),
    [
        ({"channels": ["sms"]}, {}, "steps.0.channel"),
        ({"min_holdout": 0.05}, {}, "audience.holdout"),
        ({"quiet_hours": [["21:00", "08:00"]]}, {"trigger": {"kind": "schedule", "at": "2030-01-01T07:59:00"}},
         "trigger.at"),
        (
            {"quiet_hours": [["21:00", "08:00"]]},
            {"trigger": {"kind": "recurring", "rrule": "FREQ=DAILY;BYHOUR=9,22"}},
            "trigger.rrule",
        ),
        (
            {"max_discount": 30},
            {"steps": [{"key": "a", "channel": "email", "template": "hello",
                        "variants": [{"key": "a", "content": {"discount": "40 %"}}]}]},
            "steps.0.variants.0.content.discount",
        ),
        (
            {"per_customer": [{"messages": 1, "per": "7d"}]},
            {"steps": [{"key": "a", "channel": "email", "template": "hello"},
                       {"key": "b", "channel": "email", "template": "hello", "after": {"step": "a", "delay": "2d"}}]},
            "steps",
        ),
    ],
)  # fmt: skip
def test_a_breach_names_the_field_of_the_configuration(policy: Any, changed: Any, field: str) -> None:
    config = parse_campaign(factories.config(**changed))
    found = bans.of_campaign(config, policies.parse_policy(policy), zone=LONDON)
    assert [(problem.field, problem.code) for problem in found][:1] == [(field, "policy")]


# -- resolution --------------------------------------------------------------------------------------------------------
partial = st.builds(
    lambda whole, kept: {name: value for name, value in whole.items() if name in kept},
    configs(),
    st.sets(st.sampled_from(["goal", "trigger", "audience", "steps", "timing", "limits", "topic"])),
)


@given(partial, partial, partial)
def test_layers_may_be_put_together_in_any_grouping(a: Any, b: Any, c: Any) -> None:
    one, two, three = layers.layer("a", a), layers.layer("b", b), layers.layer("c", c)
    left = layers.over(layers.over(one, two), three)
    right = layers.over(one, layers.over(two, three))
    assert dict(left.values) == dict(right.values)
    assert dict(left.sources) == dict(right.sources)


@given(configs(), partial, partial)
def test_the_topmost_layer_that_says_a_field_gives_its_value_and_its_name(own: Any, below: Any, lowest: Any) -> None:
    stack = [layers.layer("platform", lowest), layers.layer("retailer", below), layers.layer("campaign", own)]
    resolved = layers.resolve(stack)
    document = layers.flatten(dump_written(resolved.config))
    for field, source in resolved.provenance.items():
        sayers = [each for each in stack if field in each.values]
        assert source == (next(iter(sayers[-1].sources.values())) if sayers else layers.BUILT_IN)
        if sayers:
            alone = layers.resolve(
                [layers.layer("own", own), layers.layer("x", layers.unflatten({field: sayers[-1].values[field]}))]
            )
            assert document.get(field) == layers.flatten(dump_written(alone.config)).get(field)
    assert layers.resolve(stack) == resolved


@given(configs())
def test_a_document_read_back_is_itself(data: dict[str, Any]) -> None:
    config = parse_campaign(data)
    own = layers.own_part(data, config)
    assert layers.own_part(own, parse_campaign(own)) == own
    assert parse_campaign(own) == config


def test_a_name_that_looks_like_a_path_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        layers.layer("campaign", {"audience.holdout": 0.5})
    assert refused.value.problems[0].field == "audience.holdout"
