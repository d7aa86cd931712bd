"""The lift against those held out is what least squares says, and its interval holds what it promises."""

from __future__ import annotations

from fractions import Fraction
from math import log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import lift
from campaigns.lift import Arm, Lift, Verdict

RUNS = 1_000
OF_SHARES = 4_000
NOBODY = Arm(0)


def arm(random: Random, people: int, share: float) -> Arm:
    return Arm(people, drawn(random, people, share))


def drawn(random: Random, people: int, share: float) -> int:
    """How many of so many, each by chance: by the gaps between them, which is the same and quicker."""
    number, place = 0, -1
    while True:
        place += 1 + int(log(1.0 - random.random()) / log(1.0 - share))
        if place >= people:
            return number
        number += 1


def measured(people: list[tuple[float, float]]) -> Arm:
    """Of (before, after) of each."""
    return Arm(
        len(people),
        sum(after > 0 for _, after in people),
        y=sum(y for _, y in people),
        yy=sum(y * y for _, y in people),
        x=sum(x for x, _ in people),
        xx=sum(x * x for x, _ in people),
        xy=sum(x * y for x, y in people),
    )


@pytest.mark.parametrize(("planted", "seed"), [(0.0, 3), (0.02, 4), (-0.01, 5)])
def test_the_interval_of_shares_holds_the_truth(planted: float, seed: int) -> None:
    random, held = Random(seed), 0
    for _ in range(OF_SHARES):
        found = lift.of_shares(arm(random, 4_000, 0.04 + planted), arm(random, 1_000, 0.04))
        assert found.low is not None
        assert found.high is not None
        held += found.low <= planted <= found.high
    assert held / OF_SHARES >= 0.95


def spenders(random: Random, number: int, more: float = 0.0) -> list[tuple[float, float]]:
    """Most spend nothing; who spent before is likelier to spend again."""
    people = []
    for _ in range(number):
        is_buyer = random.random() < 0.3
        before = random.expovariate(1 / 60) if is_buyer and random.random() < 0.6 else 0.0
        after = random.expovariate(1 / 60) + more if random.random() < (0.4 if is_buyer else 0.05) else 0.0
        people.append((before, after))
    return people


def test_the_interval_of_amounts_holds_the_truth() -> None:
    random, held, rejected = Random(11), 0, 0
    truth = 20 * (0.3 * 0.4 + 0.7 * 0.05)
    for _ in range(RUNS):
        held_out = measured(spenders(random, 400))
        found, same = (lift.of_amounts(measured(spenders(random, 1_200, more)), held_out) for more in (20.0, 0.0))
        assert found.low is not None
        assert found.high is not None
        held += found.low <= truth <= found.high
        rejected += same.verdict != Verdict.UNPROVEN
    assert 0.935 <= held / RUNS <= 0.965
    assert 0.035 <= rejected / RUNS <= 0.065


def width(found: Lift) -> float:
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low


def test_what_people_did_before_makes_the_interval_narrower() -> None:
    random = Random(5)
    reached, held_out = spenders(random, 5_000), spenders(random, 1_000)
    blind = [[(0.0, after) for _, after in people] for people in (reached, held_out)]
    seen, unseen = lift.of_amounts(measured(reached), measured(held_out)), lift.of_amounts(*map(measured, blind))
    assert width(seen) < 0.99 * width(unseen)


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=3, max_size=40),
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=3, max_size=40),
)
def test_the_estimate_is_that_of_least_squares(reached: list[tuple[int, int]], held_out: list[tuple[int, int]]) -> None:
    rows = [(1.0, 1.0, x, y) for x, y in reached] + [(1.0, 0.0, x, y) for x, y in held_out]
    expected = least_squares(rows)
    if expected is not None:
        found = lift.of_amounts(measured(reached), measured(held_out))
        assert found.difference == pytest.approx(expected, rel=1e-8, abs=1e-8)


def least_squares(rows: list[tuple[float, float, float, float]]) -> float | None:
    """The draw's coefficient, by exact elimination of the normal equations; None where the past does not vary."""
    exact = [[Fraction(value) for value in row] for row in rows]
    normal = [[sum((r[i] * r[j] for r in exact), Fraction()) for j in range(4)] for i in range(3)]
    for i in range(3):
        pivot = next((row for row in range(i, 3) if normal[row][i]), None)
        if pivot is None:
            return None
        normal[i], normal[pivot] = normal[pivot], normal[i]
        for row in range(3):
            if row != i:
                by = normal[row][i] / normal[i][i]
                normal[row] = [a - by * b for a, b in zip(normal[row], normal[i], strict=True)]
    return float(normal[1][3] / normal[1][1])


@pytest.mark.parametrize(
    ("reached", "held_out"),
    [(NOBODY, NOBODY), (Arm(1_000, 100), Arm(99, 9)), (Arm(10_000, 19), Arm(10_000, 0)), (Arm(500, 60), NOBODY)],
)
def test_too_little_is_said_to_be_too_little(reached: Arm, held_out: Arm) -> None:
    found = lift.of_shares(reached, held_out)
    assert (found.verdict, found.low, found.high) == (Verdict.NOT_ENOUGH, None, None)


def test_a_plain_difference_is_said_plainly() -> None:
    assert lift.of_shares(Arm(20_000, 1_200), Arm(20_000, 800)).verdict == Verdict.MORE
    assert lift.of_shares(Arm(20_000, 800), Arm(20_000, 1_200)).verdict == Verdict.FEWER
    assert lift.of_shares(Arm(20_000, 1_010), Arm(20_000, 1_000)).verdict == Verdict.UNPROVEN


def test_a_crooked_draw_is_noticed_and_a_fair_one_hardly_ever() -> None:
    assert not lift.is_fair(10_400, 9_600, 0.5)
    random = Random(8)
    fair = sum(lift.is_fair(20_000 - held, held, 0.05) for held in (drawn(random, 20_000, 0.05) for _ in range(300)))
    assert fair >= 298
    assert lift.is_fair(0, 0, 0.05)


def test_what_a_holdout_could_show_is_told_before_launch() -> None:
    assert lift.detectable(95_000, 5_000, 0.03) == pytest.approx(0.231, abs=0.001)
    assert lift.detectable(100, 0, 0.03) is None
