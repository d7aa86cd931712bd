"""What differs between two configurations, as a marketer reads it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.config.gate import dump, parse_campaign
from campaigns.differences import LONGEST, Difference, differences
from tests import factories

FIRST = {"key": "first", "channel": "email", "template": "hello"}
NUDGE = {"key": "nudge", "channel": "push", "template": "short", "after": {"step": "first", "delay": "2d"}}
A, B = {"key": "a", "subject": "We miss you"}, {"key": "b", "subject": "Back soon", "content": {"headline": "Fresh"}}


def told(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(each.label, each.before, each.after) for each in differences(before, after)]


def changed(**parts: Any) -> list[tuple[str, str, str]]:
    """What is told of a campaign to which these parts are added."""
    return told(factories.config(), factories.config(**parts))


def test_the_same_twice_differs_in_nothing() -> None:
    config = factories.config(steps=[FIRST | {"variants": [A, B]}, NUDGE], goal={"event": "order", "within": "7d"})
    assert differences(config, config) == []
    assert differences({}, {"goal": None}) == []


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"name": "Good day"}, ("Name", "Welcome", "Good day")),
        ({"blueprint": "winback"}, ("Blueprint", "not set", "winback")),
        ({"topic": "news"}, ("Topic", "not set", "news")),
        ({"goal": {"event": "order", "within": "7d"}}, ("Goal", "not set", "“order” within 7 days")),
        ({"trigger": {"kind": "schedule", "at": "2026-12-01T09:00:00"}},
         ("Starts", "when launched", "on 1 December 2026 at 09:00")),
        ({"trigger": {"kind": "schedule", "at": "2026-12-01T09:00:00+02:00", "grace": "2h"}},
         ("Starts", "when launched", "on 1 December 2026 at 09:00 (UTC+0200), or up to 2 hours late")),
        ({"trigger": {"kind": "recurring", "rrule": "FREQ=WEEKLY", "starts": "2026-12-01T09:00:00"}},
         ("Starts", "when launched", "every week from 1 December 2026 at 09:00")),
        ({"trigger": {"kind": "recurring", "rrule": "FREQ=DAILY;INTERVAL=3"}},
         ("Starts", "when launched", "again and again (FREQ=DAILY;INTERVAL=3)")),
        ({"trigger": {"kind": "event", "name": "order", "delay": "2h", "once_per": "30d"}},
         ("Starts", "when launched", "after “order”, 2 hours later, at most once in 30 days")),
        ({"audience": {"include": {"segment": "quiet"}}},
         ("Send to", "Everyone.", "Everyone who is in segment quiet.")),
        ({"audience": {"include": {"all": []}, "exclude": {"attribute": "city", "eq": "Leeds"}}},
         ("But not to", "not set", "Everyone whose city is Leeds.")),
        ({"audience": {"include": {"all": []}, "holdout": 0.05}}, ("Hold back", "not set", "5 %")),
        ({"timing": {"mode": "best_hour"}}, ("Send time", "not set", "at each person's best hour")),
        ({"timing": {"window": ["09:00", "20:00"]}}, ("Sending hours", "not set", "09:00 to 20:00")),
        ({"timing": {"expire_after": "24h"}}, ("Expires after", "not set", "1 day")),
        ({"limits": {"per_customer": {"messages": 3, "per": "7d"}}},
         ("Most per customer", "not set", "3 messages in 7 days")),
        ({"steps": [FIRST, NUDGE]}, ("Step nudge", "not set", "push from template short, 2 days after step first")),
        ({"steps": [FIRST | {"template": "other"}]}, ("Template of step first", "hello", "other")),
        ({"steps": [FIRST | {"channel": "sms"}]}, ("Channel of step first", "email", "sms")),
        ({"steps": [FIRST | {"when": {"not": {"engaged": "first"}}}]},
         ("Condition of step first", "not set", "Everyone who did not engage with step first.")),
        ({"steps": [FIRST | {"optimise": {"method": "bandit", "waves": 8, "over": "4h"}}]},
         ("Shares between variants of step first", "not set",
          "more and more of the best by click, 8 waves over 4 hours, at least 5 % each")),
        ({"steps": [FIRST | {"variants": [A]}]}, ("Subject of variant a in step first", "not set", "We miss you")),
    ],
)  # fmt: skip
def test_each_part_is_told_in_words(parts: dict[str, Any], expected: tuple[str, str, str]) -> None:
    assert changed(**parts) == [expected]
    assert told(factories.config(**parts), factories.config()) == [(expected[0], expected[2], expected[1])]


def test_variants_are_matched_by_key_wherever_they_stand() -> None:
    before = {"steps": [FIRST | {"variants": [A, B]}]}
    after = {"steps": [FIRST | {"variants": [B | {"subject": "Hello again"}, {"key": "c"}, A]}]}
    assert told(before, after) == [
        ("Order of variants in step first", "a, b", "b, c, a"),
        ("Subject of variant b in step first", "Back soon", "Hello again"),
        ("Variant c in step first", "not set", "the template's own subject"),
    ]
    assert told({"steps": [FIRST | {"variants": [A, B]}]}, {"steps": [FIRST | {"variants": [A]}]}) == [
        ("Variant b in step first", "subject “Back soon”, headline: Fresh", "not set")
    ]


def test_content_is_told_slot_by_slot_with_yes_and_no() -> None:
    before = {"steps": [FIRST | {"variants": [B]}]}
    after = {"steps": [FIRST | {"variants": [B | {"content": {"headline": "New", "sale": True, "left": 3}}]}]}
    assert told(before, after) == [
        ("“headline” of variant b in step first", "Fresh", "New"),
        ("“sale” of variant b in step first", "not set", "yes"),
        ("“left” of variant b in step first", "not set", "3"),
    ]


def test_steps_are_matched_by_key_and_moved_ones_told_as_moved() -> None:
    before, after = {"steps": [FIRST, NUDGE]}, {"steps": [NUDGE, {**FIRST, "key": "third"}, FIRST]}
    assert told(before, after) == [
        ("Order of steps", "first, nudge", "nudge, third, first"),
        ("Step third", "not set", "email from template hello"),
    ]


def test_fields_have_paths_by_key() -> None:
    before = {"steps": [FIRST | {"variants": [A, B]}, NUDGE], "timing": {"expire_after": "1d"}}
    after = {"steps": [FIRST | {"variants": [A, B | {"subject": "x", "content": {"headline": "y"}}]}]}
    assert [each.field for each in differences(before, after)] == [
        "steps.first.variants.b.subject", "steps.first.variants.b.content.headline", "steps.nudge",
        "timing.expire_after",
    ]  # fmt: skip


def test_fields_come_in_the_order_of_the_form() -> None:
    after = factories.config(
        "other", topic="t", goal={"event": "order", "within": "7d"}, timing={"expire_after": "1d"}, steps=[NUDGE]
    )
    labels = [each.label for each in differences(factories.config(), after)]
    assert labels == ["Key", "Name", "Step nudge", "Step first", "Expires after", "Topic", "Goal"]


def test_two_that_read_alike_are_told_as_they_are_written() -> None:
    def among(last: str) -> dict[str, Any]:
        return {"attribute": "city", "in": ["a", "b", "c", "d", "e", last]}

    [difference] = differences({"audience": {"include": among("f")}}, {"audience": {"include": among("g")}})
    assert difference.before != difference.after
    assert ('"f"' in difference.before, '"g"' in difference.after) == (True, True)


def test_long_values_are_shown_from_where_they_part() -> None:
    before, after = "x" * 5000 + "one", "x" * 5000 + "two" + "y" * 5000
    [difference] = differences({"name": before}, {"name": after})
    assert max(len(difference.before), len(difference.after)) <= LONGEST + 2
    assert difference.before.endswith("xone")
    assert "xtwoy" in difference.after


def test_what_cannot_be_read_is_told_as_json() -> None:
    assert told({"trigger": {"kind": "moon"}}, {"trigger": {"kind": "schedule", "at": 5}}) == [
        ("Starts", '{"kind":"moon"}', '{"at":5,"kind":"schedule"}')
    ]
    assert told({"steps": [FIRST, FIRST]}, {"steps": "none"})[0][0::2] == ("Steps", "none")
    assert told({}, {"later": {"x": 1}}) == [("later", "not set", '{"x":1}')]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(["a", "first", "7d", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["key", "kind", "content", "variants", "all", "a.b", "after"]), inner, max_size=3
        )
    ),
    max_leaves=12,
)
NAMES = ["key", "name", "trigger", "audience", "steps", "timing", "limits", "goal", "topic", "blueprint", "else"]
DOCUMENTS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)
PARTS = dict.fromkeys(("channel", "template", "variants", "after", "when", "optimise"), VALUES)
PARTS = dict.fromkeys(["channel", "template", "variants", "after", "when", "optimise"], VALUES)
STEP = st.fixed_dictionaries({"key": st.sampled_from("abc")}, optional=PARTS)
STEPS = st.lists(STEP, max_size=3).map(lambda steps: {"steps": steps})


@settings(max_examples=400, deadline=None, derandomize=True)
@given(before=DOCUMENTS | STEPS, after=DOCUMENTS | STEPS)
def test_nothing_that_a_draft_holds_makes_it_fail(before: dict[str, Any], after: dict[str, Any]) -> None:
    found = differences(before, after)
    assert all(isinstance(each, Difference) and each.before != each.after for each in found)
    assert {each.field for each in found} == {each.field for each in differences(after, before)}


def test_canonical_form_of_a_configuration_differs_in_nothing_that_was_written() -> None:
    written = factories.config(timing={"expire_after": "24h"})
    assert differences(dump(parse_campaign(written)), dump(parse_campaign(written | {"topic": "promotions"}))) == []
