"""The ramp: it only grows, stays within its bounds, and says the same whenever it is asked."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.warmup import schedule
from delivery.warmup.schedule import Group, Ramp

TODAY = date(2026, 11, 26)
NAMES = ("gmail", "microsoft", "yahoo", "other")


@st.composite
def ramps(draw: st.DrawFn) -> Ramp:
    start = draw(st.integers(schedule.SMALLEST, schedule.LARGEST))
    peak = draw(st.integers(start, schedule.HIGHEST))
    return Ramp(start, peak, draw(st.integers(schedule.SHORTEST, schedule.LONGEST)))


@st.composite
def groups(draw: st.DrawFn) -> dict[str, Group]:
    parts = draw(st.lists(st.integers(1, 20), min_size=4, max_size=4))
    steps = draw(st.lists(st.floats(0, 45), min_size=4, max_size=4))
    shares = [part / sum(parts) for part in parts]
    return {name: Group(share, step) for name, share, step in zip(NAMES, shares, steps, strict=True)}


dues = st.dictionaries(
    st.integers(0, 5).map(lambda n: TODAY + timedelta(days=n)),
    st.dictionaries(st.sampled_from(NAMES), st.integers(0, 20_000), min_size=1),
    min_size=1,
)


@given(ramps(), st.floats(0, 60), st.floats(0, 60))
def test_a_later_step_never_has_less_and_no_bound_is_more_than_any(ramp: Ramp, one: float, other: float) -> None:
    first, later = (ramp.budget(step) for step in sorted((one, other)))
    assert (later is None) or (first is not None and first <= later)


@given(ramps(), st.floats(0, 60))
def test_a_budget_lies_between_start_and_peak_until_the_last_day_is_over(ramp: Ramp, step: float) -> None:
    budget = ramp.budget(step)
    if step < ramp.days:
        assert budget is not None
        assert ramp.start <= budget <= ramp.peak
    else:
        assert budget is None


@given(ramps())
def test_a_ramp_begins_at_its_start_and_ends_at_its_peak(ramp: Ramp) -> None:
    assert ramp.budget(0) == ramp.start
    assert ramp.budget(ramp.days - 1) == pytest.approx(ramp.peak, abs=1)


@given(ramps(), groups(), st.floats(0, 41))
def test_the_groups_never_have_more_than_the_day_but_for_one_message_each(
    ramp: Ramp, all_of_them: dict[str, Group], step: float
) -> None:
    whole = ramp.budget(step)
    parts = [schedule.budget(ramp, group.share, step) for group in all_of_them.values()]
    if whole is not None:
        assert all(part and part >= 1 for part in parts)
        assert sum(part or 0 for part in parts) <= whole + len(parts)


@given(ramps(), groups(), dues, st.booleans())
def test_a_forecast_says_the_same_twice_and_loses_nobody(
    ramp: Ramp, all_of_them: dict[str, Group], due: dict[date, dict[str, int]], is_held: bool
) -> None:
    days = schedule.forecast(ramp, all_of_them, due, is_held=is_held)
    assert days == schedule.forecast(ramp, all_of_them, due, is_held=is_held)
    assert [day.day for day in days] == [min(due) + timedelta(days=n) for n in range(len(days))]
    total = sum(sum(numbers.values()) for numbers in due.values())
    if len(days) < schedule.MOST_DAYS:
        assert sum(day.total for day in days) == total
    for day in days:
        for name, number in day.messages.items():
            most = day.budgets[name]
            assert number >= 0
            assert most is None or number <= most


@given(ramps(), groups(), dues)
def test_a_held_warm_up_never_takes_fewer_days(
    ramp: Ramp, all_of_them: dict[str, Group], due: dict[date, dict[str, int]]
) -> None:
    assert len(schedule.forecast(ramp, all_of_them, due)) <= len(
        schedule.forecast(ramp, all_of_them, due, is_held=True)
    )


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 10_000))
def test_worse_rates_are_never_judged_better(sent: int, bounced: int, more: int) -> None:
    order = ["growing", "slowed", "held", "reversed"]
    one, other = schedule.judge(sent, bounced, 0), schedule.judge(sent, bounced + more, 0)
    assert order.index(one.standing) <= order.index(other.standing)


@pytest.mark.parametrize(
    ("sent", "bounced", "complained", "standing"),
    [
        (99, 99, 99, "growing"),  # too few to say
        (1000, 2, 2, "growing"),  # three at least
        (10_000, 249, 4, "growing"),
        (10_000, 250, 0, "slowed"),
        (10_000, 0, 5, "slowed"),
        (10_000, 500, 0, "held"),
        (10_000, 0, 10, "held"),
        (10_000, 1000, 0, "reversed"),
        (10_000, 0, 30, "reversed"),
        (10_000, 250, 30, "reversed"),  # the heavier of both
    ],
)
def test_the_published_bounds_hold(sent: int, bounced: int, complained: int, standing: str) -> None:
    judged = schedule.judge(sent, bounced, complained)
    assert judged.standing == standing
    assert bool(judged.reason) == (standing != "growing")


@pytest.mark.parametrize(
    ("standing", "sent", "step"),
    [("growing", 50, 5.0), ("slowed", 50, 4.5), ("held", 100, 4.0), ("reversed", 100, 4.0), ("growing", 49, 4.0)],
)
def test_a_day_grows_by_its_standing_and_not_at_all_when_it_was_hardly_used(
    standing: schedule.Standing, sent: int, step: float
) -> None:
    assert schedule.grown(4.0, standing, sent=sent, budget=100) == step


@pytest.mark.parametrize(("step", "after"), [(20.0, 13.0), (3.0, 0.0)])
def test_a_reversal_goes_back_a_week(step: float, after: float) -> None:
    assert schedule.reversed_by(step) == after
