"""The lift against those held out is what least squares says, and its interval holds what it promises."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import exp, log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import lift
from campaigns.lift import Arm, Lift, Verdict

OF_SHARES = OF_AMOUNTS = 4_000  # runs
OF_FEW = 2_000
SPEND = 0.3 * 0.6 + 0.3 * 0.4 * 0.4 + 0.7 * 0.05  # the share of `spenders` who do, before or after
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


def spent(random: Random, number: int, more: float = 0.0) -> Arm:
    """As many of the same people, of whom only those who spent at all are drawn one by one: the others add nothing."""
    people = []
    for _ in range(drawn(random, number, SPEND)):
        place = random.random() * SPEND
        before = random.expovariate(1 / 60) if place < 0.3 * 0.6 else 0.0
        is_after = random.random() < 0.4 if before else True
        people.append((before, random.expovariate(1 / 60) + more if is_after else 0.0))
    return replace(measured(people), people=number)


def test_the_interval_of_amounts_holds_the_truth() -> None:
    random, held, rejected = Random(11), 0, 0
    truth = 20 * (0.3 * 0.4 + 0.7 * 0.05)
    for _ in range(OF_AMOUNTS):
        held_out = spent(random, 400)
        found, same = (lift.of_amounts(spent(random, 1_200, more), held_out) for more in (20.0, 0.0))
        assert found.low is not None
        assert found.high is not None
        held += found.low <= truth <= found.high
        rejected += same.verdict != Verdict.UNPROVEN
    assert 0.95 <= held / OF_AMOUNTS <= 0.965
    assert 0.035 <= rejected / OF_AMOUNTS <= 0.05


def few_spenders(random: Random, people: int, share: float) -> Arm:
    """Whose amounts are as skew as those of a shop are: most small, a few large."""
    spent = [random.lognormvariate(3.8, 0.8) for _ in range(drawn(random, people, share))]
    return Arm(people, len(spent), y=sum(spent), yy=sum(each * each for each in spent))


@pytest.mark.parametrize(("share", "seed"), [(0.02, 6), (0.024, 7)])
def test_the_interval_of_amounts_holds_the_truth_where_few_spend(share: float, seed: int) -> None:
    random, held, told = Random(seed), 0, 0
    mean = exp(3.8 + 0.8**2 / 2)
    for _ in range(OF_FEW):
        found = lift.of_amounts(few_spenders(random, 20_000, share), few_spenders(random, 1_000, 0.02))
        if found.low is not None and found.high is not None:
            told += 1
            held += found.low <= (share - 0.02) * mean <= found.high
    assert told >= 0.95 * OF_FEW
    assert 0.95 <= held / told <= 0.975  # where chance left fewer still, nothing was told


def test_amounts_of_a_few_spenders_on_one_side_are_too_little() -> None:
    many, few = Arm(900, 90, y=900.0, yy=18_000.0), Arm(100, 9, y=90.0, yy=1_800.0)
    assert lift.of_amounts(many, few).verdict == lift.of_amounts(few, many).verdict == Verdict.NOT_ENOUGH
    assert lift.of_shares(many, few).low is not None


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
