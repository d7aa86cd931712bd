"""The rule builder: what it shows is what is saved, and what it cannot show it keeps."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns import sentences
from campaigns.config.gate import Invalid, dump, parse_rule
from campaigns.forms import builder, rows
from campaigns.forms.builder import Group
from campaigns.forms.rows import Row
from campaigns.forms.rule_field import RuleField, RuleWidget
from tests.console.forms import fields

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
    {"engaged": {"channel": "email", "within": "30d"}},
    {"not": {"engaged": {"channel": "sms", "within": "2w"}}},
    {"attribute": "birthday", "anniversary": True},
    {"attribute": "points", "eq": "10"},
    {"attribute": "vip", "ne": "true"},
    {"attribute": "note", "in": ["a, b", 'say "so"', "c"]},
    {"event": "order", "since": "2026-01-01T00:00:00", "until": "2026-02-01T00:00:00"},
    {"attribute": "renewal", "before": "30d ago"},
    {"attribute": "renewal", "on": "2026-12-01"},
    {"event": "order", "since": "start of month", "where": [{"property": "due", "after": "today"}]},
    {"event": "order", "count": {"gte": 2, "lte": 5}, "sum": {"property": "items", "lt": 1234567.25}},
    {"event": "order", "where": [{"property": "category", "in": ["wine", "beer"]}, {"property": "code", "eq": "12"}]},
]
KEPT: list[dict[str, Any]] = [
    {"engaged": "first"},
    {"engaged": {"channel": "webhook", "within": "1d"}},
    {"event": "order", "since": "2026-01-01T12:30:00"},
    {"event": "order", "count": {"gte": 2, "lt": 5}},
    {"attribute": "note", "eq": "two\nlines"},
    {"attribute": "note", "in": ["10", 10]},
    {"any": []},
]


def posted(rule: dict[str, Any], name: str = "rule") -> dict[str, str]:
    """What a browser without scripts sends back of a builder that nobody touched."""
    drawn = RuleWidget().render(name, rule)
    page = SimpleNamespace(content=f'<form id="f">{drawn}</form>'.encode())
    return fields(page, "f")


def there_and_back(rule: dict[str, Any]) -> dict[str, Any]:
    return builder.compose(RuleWidget().value_from_datadict(posted(rule), {}, "rule"))


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


def test_groups_stand_in_groups_in_the_order_in_which_they_were_written() -> None:
    rule: dict[str, Any] = {
        "any": [
            {"all": [{"any": [SHOWN[0], SHOWN[1]]}, SHOWN[2], {"not": {"any": [SHOWN[3], SHOWN[9]]}}]},
            SHOWN[6],
            {"all": [SHOWN[7], SHOWN[8]]},
        ]
    }
    tree = builder.tree_of(parse_rule(rule))
    assert "kept" not in {row.kind for row in tree.top.rows}
    assert there_and_back(rule) == rule


def test_groups_deeper_than_the_builder_goes_are_kept_and_posting_deeper_ones_is_refused() -> None:
    deep: dict[str, Any] = SHOWN[0]
    for _ in range(builder.DEEPEST + 2):
        deep = {"not": {"all": [deep, SHOWN[9]]}}
    assert there_and_back(deep) == deep
    data = {"rule-0-match": "all"}
    for number in range(1, builder.DEEPEST + 2):
        data |= {f"rule-{number}-in": str(number - 1), f"rule-{number}-match": "none"}
    with pytest.raises(Invalid, match="more than 12 deep"):
        builder.compose(builder.read(data, "rule"))


def test_group_in_a_group_that_was_not_sent_stands_in_the_top() -> None:
    row = {"rule-7-1-kind": "consent", "rule-7-1-channel": "sms"}
    data = {"rule-0-match": "any", "rule-7-in": "99", "rule-7-match": "none"} | row
    assert builder.compose(builder.read(data, "rule")) == {"not": {"consent": {"channel": "sms"}}}


def test_without_scripts_a_button_adds_a_blank_condition_or_group_and_saves_nothing() -> None:
    filled = posted({"any": [SHOWN[0], {"all": [SHOWN[1], SHOWN[9]]}]})
    for asked, kinds in (("row:1", [Row]), ("group:0", [Group])):
        tree = builder.read(filled | {"rule-do": asked}, "rule")
        group = tree.top if asked.endswith("0") else next(part for part in tree.top.parts if isinstance(part, Group))
        assert [type(part) for part in group.parts[2:]] == kinds
        with pytest.raises(ValidationError, match="Nothing is saved yet"):
            RuleField().clean(tree)
    assert builder.read(filled | {"rule-do": "row:nowhere"}, "rule").asked == ""


@pytest.mark.parametrize(
    "row",
    [
        {"kind": "attribute", "field": "", "op": "eq", "as": "", "value": "", "to": " "},
        {
            "kind": "event",
            "event": "",
            "did": "did_not",
            "count_op": "",
            "when": "",
            "unit": "d",
            "sum_property": "value",
        },
        {"kind": "event", "event": "", "w0_field": "", "w0_op": "eq", "w0_value": ""},
        {"kind": "segment", "segment": "", "is_in": "in"},
        {"kind": "sample", "percent": ""},
    ],
)
def test_new_condition_that_nobody_touched_counts_for_nothing(row: dict[str, str]) -> None:
    tree = builder.read({"rule-0-match": "all"} | {f"rule-0-0-{key}": value for key, value in row.items()}, "rule")
    assert builder.compose(tree) == {"all": []}


MISTAKES: list[tuple[dict[str, str], str]] = [
    ({"kind": "attribute", "field": "city", "op": "eq", "value": ""}, "write a value to compare with"),
    ({"kind": "attribute", "field": "n", "op": "between", "value": "1", "to": ""}, "write the upper value"),
    ({"kind": "event", "event": "x", "count_op": "gte", "count": "so"}, "write how often as a number: “so” is none"),
    ({"kind": "event", "event": "x", "within": "1.5"}, "write how long ago as a whole number from 1"),
    ({"kind": "event", "event": "x", "within": "inf"}, "write how long ago as a number: “inf” is none"),
    ({"kind": "sample", "percent": "120"}, "write a share between 0 and 100"),
    ({"kind": "kept", "json": "[" * 100_000}, "this condition was damaged on its way: remove it"),
    ({"kind": "engaged", "reacted_within": ""}, "write how long ago"),
    ({"kind": "event", "event": "x", "when": "dates"}, "write the first day, the last, or both"),
    ({"kind": "event", "event": "x", "count_op": "between", "count": "1"}, "write how often, at most"),
    (
        {"kind": "attribute", "field": "n", "op": "before", "value": "soon"},
        "write a date such as 2026-12-01, or today, yesterday, tomorrow, 30d ago, in 7d, start of week/month/quarter/"
        "year: “soon” is none of these",
    ),
    ({"kind": "attribute", "field": "n", "as": "number", "value": "so"}, "write the value as a number: “so” is none"),
    ({"kind": "attribute", "field": "n", "as": "boolean", "value": "so"}, "choose yes or no: “so” is neither"),
    (
        {"kind": "attribute", "field": "n", "as": "date", "value": "1.2.26"},
        "write the date like 2026-11-26: “1.2.26” is none",
    ),
    ({"kind": "attribute", "field": "n", "op": "in", "value": '"a'}, "close the quotes, or write the quote mark twice"),
    ({"kind": "attribute", "field": " ", "op": "eq", "value": "Leeds"}, "write which field of the customer"),
    ({"kind": "event", "event": "", "count_op": "gte", "count": "3"}, "write what they did"),
    ({"kind": "event", "event": "", "when": "within", "within": "30"}, "write what they did"),
    ({"kind": "event", "event": "", "w0_field": "category", "w0_op": "eq", "w0_value": "wine"}, "write what they did"),
    ({"kind": "event", "event": "order", "w0_field": "", "w0_op": "eq", "w0_value": "wine"}, "write which detail"),
    ({"kind": "spell", "field": "x"}, "choose what this condition is about"),
]


@pytest.mark.parametrize(("row", "said"), MISTAKES, ids=[said for _, said in MISTAKES])
def test_mistake_is_told_at_its_row_with_the_cure(row: dict[str, str], said: str) -> None:
    tree = builder.read({"rule-0-match": "all"} | {f"rule-0-0-{key}": value for key, value in row.items()}, "rule")
    with pytest.raises(Invalid) as refusal:
        builder.compose(tree)
    assert [(p.field, p.message) for p in refusal.value.problems] == [("condition 1", said)]
    [row_shown] = tree.top.rows
    assert ([problem.message for problem in row_shown.problems], row_shown.at) == ([said], "0-0")


_names = st.sampled_from(["city", "points", "attributes.vip", "Colour of door"])
_scalars = st.one_of(st.booleans(), st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6), st.text(max_size=8))
_compared = st.one_of(
    st.tuples(st.sampled_from(["eq", "ne", "lt"]), _scalars),
    st.tuples(st.just("in"), st.lists(_scalars, min_size=1, max_size=3)),
    st.tuples(st.just("between"), st.tuples(_scalars, _scalars)),
    st.tuples(st.just("starts_with"), st.text(min_size=1, max_size=8)),
    st.sampled_from([("exists", True), ("exists", False), ("anniversary", True)]),
)
_attributes = st.builds(lambda name, compared: {"attribute": name, compared[0]: compared[1]}, _names, _compared)
_bounds = st.dictionaries(
    st.sampled_from(["gte", "gt", "lte", "lt", "eq"]), st.floats(-1e9, 1e9), min_size=1, max_size=2
)
_wheres = st.builds(lambda name, compared: {"property": name, compared[0]: compared[1]}, _names, _compared)
_events = st.builds(
    lambda name, bounds: {"event": name} | bounds,
    st.sampled_from(["order", "view ", "Ünï"]),
    st.fixed_dictionaries(
        {},
        optional={
            "count": _bounds,
            "sum": st.builds(lambda bounds: {"property": "value"} | bounds, _bounds),
            "within": st.sampled_from(["30m", "90m", "12h", "30d", "8w"]),
            "since": st.sampled_from(["2026-01-01T00:00:00", "2026-01-01T00:00:00Z", "2026-01-01T09:00:00"]),
            "where": st.lists(_wheres, max_size=3),
        },
    ),
)
_rules = st.recursive(
    st.one_of(_attributes, _events, st.sampled_from([*SHOWN, *KEPT])),
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
    """Saved, opened and saved again, a rule says the same, in the same order."""
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
    """The rule with the difference that means nothing taken out: groups of one."""
    for match in ("all", "any"):
        if match in data:
            inner = [_flat(each) for each in data[match]]
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
    (
        {"not": {"all": [{"segment": "a"}, {"segment": "b"}]}},
        "Everyone except anyone who is in segment a and who is in segment b.",
    ),
]


@pytest.mark.parametrize(("rule", "words"), SENTENCES, ids=[words for _, words in SENTENCES])
def test_rule_reads_as_a_sentence(rule: dict[str, Any], words: str) -> None:
    assert sentences.sentence(parse_rule(rule)) == words
