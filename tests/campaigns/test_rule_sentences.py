"""A rule in one plain sentence, without a negation that has to be turned around twice."""

from __future__ import annotations

from typing import Any

import pytest

from campaigns import sentences
from campaigns.config.gate import parse_rule

ORDER: dict[str, Any] = {"event": "order"}


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"attribute": "renewal", "on": "in 7d"}, "whose renewal is in 7 days"),
        ({"attribute": "renewal", "before": "today"}, "whose renewal is earlier than today"),
        ({"attribute": "renewal", "after": "start of month"}, "whose renewal is later than the start of this month"),
        ({"attribute": "renewal", "before": "1w ago"}, "whose renewal is earlier than 1 week ago"),
        ({"attribute": "renewal", "on": "2026-12-01"}, "whose renewal is 1 December 2026"),
        (ORDER | {"since": "start of year"}, "who did “order” since the start of this year"),
        (ORDER | {"since": "30d ago", "until": "today"}, "who did “order” since 30 days ago before today"),
        ({"not": {"attribute": "city", "ne": "Leeds"}}, "whose city is Leeds"),
        ({"not": {"attribute": "city", "eq": "Leeds"}}, "whose city is not Leeds"),
        ({"not": {"attribute": "city", "not_in": ["Leeds", "York"]}}, "whose city is one of Leeds, York"),
        ({"not": {"attribute": "city", "exists": False}}, "whose city is known"),
        ({"not": {"attribute": "points", "lt": 5}}, "except anyone whose points is less than 5"),
        ({"not": {"not": ORDER}}, "who did “order”"),
        (ORDER | {"count": {"eq": 0}}, "who did not “order”"),
        (ORDER | {"count": {"lt": 1}, "within": "30d"}, "who did not “order” in the last 30 days"),
        ({"not": ORDER | {"count": {"lte": 0}}}, "who did “order”"),
        ({"not": ORDER | {"count": {"gte": 2}}}, "who did “order” less than twice"),
        ({"not": ORDER | {"count": {"lte": 2}}}, "who did “order” more than twice"),
        ({"not": ORDER | {"count": {"eq": 2}}}, "except anyone who did “order” exactly twice"),
        (
            {"not": {"engaged": {"channel": "email", "within": "30d"}}},
            "who did not engage by e-mail in the last 30 days",
        ),
    ],
)
def test_sentence(rule: Any, words: str) -> None:
    assert sentences.sentence(parse_rule(rule)) == f"Everyone {words}."
