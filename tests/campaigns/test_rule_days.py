"""Days in a rule: what may be written, what it means on which day, and how it is told."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.config import days, gate
from campaigns.config.gate import Invalid

THURSDAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("today", "2026-11-26"), ("yesterday", "2026-11-25"), ("tomorrow", "2026-11-27"), ("30d ago", "2026-10-27"),
        ("2w ago", "2026-11-12"), ("in 7d", "2026-12-03"), ("in 1w", "2026-12-03"), ("start of week", "2026-11-23"),
        ("start of month", "2026-11-01"), ("start of quarter", "2026-10-01"), ("start of year", "2026-01-01"),
        ("start_of_week", "2026-11-23"), ("2027-02-28", "2027-02-28"), ("1931-05-01", "1931-05-01"),
    ],
)  # fmt: skip
def test_words_mean_a_day(words: str, expected: str) -> None:
    assert days.day(days.check_day(words), THURSDAY) == date.fromisoformat(expected)


@given(st.dates(date(1970, 1, 1), date(2199, 12, 31)))
def test_starts_are_the_last_of_their_kind(today: date) -> None:
    week, month, quarter, year = (days.day(f"start of {of}", today) for of in ("week", "month", "quarter", "year"))
    assert week.isoweekday() == 1
    assert timedelta() <= today - week < timedelta(7)
    assert month == date(today.year, today.month, 1)
    assert year == date(today.year, 1, 1)
    assert quarter.day == 1
    assert quarter.month in (1, 4, 7, 10)
    assert quarter <= month < quarter + timedelta(63)


@pytest.mark.parametrize(
    "wrong",
    ["", "Today", "now", "30d", "ago", "0d ago", "-1d ago", "in -1d", "9999w ago", "in 3661d", "start of day",
     "3 days ago", "2026-02-30", "2026-1-1", "2026-12-01T09:00:00", "20261201", "0001-01-01", "9999-01-01", "today'--",
     "٣d ago", 5, True, ["today"], {"today": 1}],
)  # fmt: skip
def test_what_is_no_day_is_refused_with_a_cure(wrong: Any) -> None:
    for operator in ("before", "on", "after"):
        with pytest.raises(Invalid, match=r"write a date such as|at most ten years") as refused:
            gate.parse_rule({"attribute": "renewal", operator: wrong})
        assert refused.value.problems[0].field == operator


def test_events_begin_and_end_at_instants_or_days() -> None:
    for given_, kept in (
        ("2026-12-01", datetime(2026, 12, 1)),  # noqa: DTZ001 -- the retailer's own
        ("2026-12-01T09:00:00", datetime(2026, 12, 1, 9)),  # noqa: DTZ001
        ("start_of_month", "start of month"),
        ("30d ago", "30d ago"),
        (" today", "today"),
    ):
        rule = gate.parse_rule({"event": "order", "since": given_, "until": given_})
        assert (rule.since, rule.until) == (kept, kept)
        assert gate.parse_rule(gate.dump(rule)) == rule
    for wrong in ("soon", "2026-13-01", "1969-01-01", 5, True, "2026-12-01x"):
        with pytest.raises(Invalid) as refused:
            gate.parse_rule({"event": "order", "since": wrong})
        assert refused.value.problems[0].field == "since"
