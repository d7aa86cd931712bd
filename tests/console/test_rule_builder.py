"""The rule builder: what it shows is what is saved, and what it cannot show it keeps."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns import sentences
from campaigns.config.gate import Invalid, dump, parse_rule
from campaigns.forms import builder, rows
from campaigns.forms.builder import Tree
from campaigns.forms.rule_field import RuleWidget

SHOWN: list[dict[str, Any]] = [
    {"attribute": "city", "eq": "Leeds"},
    {"attribute": "city", "in": ["Leeds", "York"]},
    {"attribute": "points", "between": [10, 99.5]},
    {"attribute": "vip", "eq": True},
    {"attribute": "phone", "exists": False},
    {"attribute": "external_id", "eq": "007"},
    {"event": "order", "count": {"gte": 3}, "within": "30d"},
    {"not": {"event": "order", "within": "12h"}},
    {"event": "order", "sum": {"property": "value", "gte": 250}, "where": [{"property": "category", "eq": "wine"}]},
    {"consent": {"channel": "sms"}},
    {"not": {"segment": "staff"}},
    {"sample": 0.1},
]
KEPT: list[dict[str, Any]] = [
    {"engaged": {"channel": "email", "within": "30d"}},
    {"event": "order", "since": "2026-01-01T00:00:00Z"},
    {"event": "order", "count": {"gte": 2, "lt": 5}},
    {"attribute": "points", "eq": "10"},  # text that the builder would read as a number
    {"attribute": "note", "in": ["a, b"]},
    {"not": {"all": [{"segment": "a"}, {"segment": "b"}]}},
]


def posted(tree: Tree, name: str = "rule") -> dict[str, str]:
    """What a browser sends back of a builder that nobody touched."""
    fields: dict[str, str] = {}
    for number, group in enumerate(tree.all_groups):
        fields[f"{name}-{number}-match"] = group.match
        for index, row in enumerate(group.rows):
            fields[f"{name}-{number}-{index}-kind"] = row.kind
            fields |= {f"{name}-{number}-{index}-{key}": value for key, value in row.values.items()}
    return fields


def there_and_back(rule: dict[str, Any]) -> dict[str, Any]:
    return builder.compose(RuleWidget().value_from_datadict(posted(builder.tree_of(parse_rule(rule))), {}, "rule"))


@pytest.mark.parametrize("rule", SHOWN, ids=lambda rule: sentences.phrase(parse_rule(rule)))
def test_condition_is_shown_as_fields_and_saved_as_it_was(rule: dict[str, Any]) -> None:
    assert rows.row_of(parse_rule(rule)).kind != "kept"
    assert parse_rule(there_and_back(rule)) == parse_rule(rule)


@pytest.mark.parametrize("rule", KEPT, ids=lambda rule: sentences.phrase(parse_rule(rule)))
def test_condition_that_fields_cannot_say_is_kept_and_shown_in_words(rule: dict[str, Any]) -> None:
    row = rows.row_of(parse_rule(rule))
    assert row.kind == "kept"
    assert row.sentence == sentences.phrase(parse_rule(rule))
    assert parse_rule(there_and_back(rule)) == parse_rule(rule)


def test_groups_of_all_any_and_none_are_shown_one_level_deep() -> None:
    rule: dict[str, Any] = {
        "all": [SHOWN[0], {"any": [SHOWN[6], SHOWN[9]]}, {"not": {"any": [SHOWN[2], SHOWN[1]]}}]
    }  # fmt: skip
    tree = builder.tree_of(parse_rule(rule))
    assert [group.match for group in tree.all_groups] == ["all", "any", "none"]
    assert parse_rule(there_and_back(rule)) == parse_rule(rule)


def test_group_inside_a_group_inside_a_group_is_kept() -> None:
    deep: dict[str, Any] = {"any": [{"all": [{"any": [SHOWN[0], SHOWN[1]]}, SHOWN[2]]}, SHOWN[3]]}
    assert parse_rule(there_and_back(deep)) == parse_rule(deep)


def test_rows_left_empty_count_for_nothing() -> None:
    data = {"rule-0-match": "all", "rule-0-0-kind": "attribute", "rule-0-0-field": " ", "rule-7-match": "any"}
    assert builder.compose(builder.read(data, "rule")) == {"all": []}


MISTAKES: list[tuple[dict[str, str], str]] = [
    ({"kind": "attribute", "field": "city", "op": "eq", "value": ""}, "write a value to compare with"),
    ({"kind": "attribute", "field": "n", "op": "between", "value": "1", "to": ""}, "write the upper value"),
    ({"kind": "event", "event": "x", "count_op": "gte", "count": "so"}, "write how often as a number: “so” is none"),
    ({"kind": "event", "event": "x", "within": "1.5"}, "write how long ago as a whole number from 1"),
    ({"kind": "event", "event": "x", "within": "inf"}, "write how long ago as a number: “inf” is none"),
    ({"kind": "sample", "percent": "120"}, "write a share between 0 and 100"),
    ({"kind": "kept", "json": "[" * 100_000}, "this condition was damaged on its way: remove it"),
    ({"kind": "spell", "field": "x"}, "choose what this condition is about"),
]


@pytest.mark.parametrize(("row", "said"), MISTAKES, ids=[said for _, said in MISTAKES])
def test_mistake_is_told_at_its_row_with_the_cure(row: dict[str, str], said: str) -> None:
    tree = builder.read({"rule-0-match": "all"} | {f"rule-0-0-{key}": value for key, value in row.items()}, "rule")
    with pytest.raises(Invalid) as refusal:
        builder.compose(tree)
    assert [(p.field, p.message) for p in refusal.value.problems] == [("condition 1", said)]
    assert tree.top.rows[0].problems == [said]


_names = st.sampled_from(["city", "points", "attributes.vip", "Colour of door"])
_scalars = st.one_of(st.booleans(), st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6), st.text(max_size=8))
_compared = st.one_of(
    st.tuples(st.sampled_from(["eq", "ne", "lt"]), _scalars),
    st.tuples(st.just("in"), st.lists(_scalars, min_size=1, max_size=3)),
)
_attributes = st.builds(lambda name, compared: {"attribute": name, compared[0]: compared[1]}, _names, _compared)
_rules = st.recursive(
    st.one_of(_attributes, st.sampled_from([*SHOWN, *KEPT])),
    lambda inner: st.one_of(
        st.builds(lambda some: {"all": some}, st.lists(inner, max_size=3)),
        st.builds(lambda some: {"any": some}, st.lists(inner, max_size=3)),
        st.builds(lambda one: {"not": one}, inner),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(_rules)
def test_any_rule_survives_the_builder_in_meaning(rule: dict[str, Any]) -> None:
    """Saved, opened and saved again, a rule says the same; only the order within a group may differ."""
    try:
        parse_rule(rule)
    except Invalid:
        return
    once = there_and_back(rule)
    assert _meaning(once) == _meaning(rule)
    assert _meaning(there_and_back(once)) == _meaning(rule)


def _meaning(rule: dict[str, Any]) -> Any:
    return _flat(dump(parse_rule(rule)))


def _flat(data: Any) -> Any:
    """The rule with the differences that mean nothing taken out: groups of one, and the order within a group."""
    for match in ("all", "any"):
        if match in data:
            inner = sorted((_flat(each) for each in data[match]), key=lambda each: json.dumps(each, sort_keys=True))
            return inner[0] if len(inner) == 1 else {match: inner}
    return {"not": _flat(data["not"])} if "not" in data else data


SENTENCES: list[tuple[dict[str, Any], str]] = [
    ({"all": []}, "Everyone."),
    ({"any": []}, "Nobody."),
    ({"segment": "vip"}, "Everyone who is in segment vip."),
    (
        {"all": [{"event": "order", "count": {"gte": 1}}, {"not": {"event": "order", "within": "60d"}}]},
        "Everyone who did “order” at least once and who did not “order” in the last 60 days.",
    ),
    (
        {"any": [SHOWN[1], {"all": [SHOWN[9], {"attribute": "age", "gte": 30}]}]},
        "Everyone whose city is one of Leeds, York or (who has agreed to SMS and whose age is at least 30).",
    ),
    (SHOWN[8], "Everyone who did “order” for at least 250 in total value where category is wine."),
    ({"sample": 0.125}, "Everyone who falls into a random 12.5 %."),
    (KEPT[5], "Everyone except anyone who is in segment a and who is in segment b."),
]


@pytest.mark.parametrize(("rule", "words"), SENTENCES, ids=[words for _, words in SENTENCES])
def test_rule_reads_as_a_sentence(rule: dict[str, Any], words: str) -> None:
    assert sentences.sentence(parse_rule(rule)) == words
