"""What messages brought about: those who got them against those held out, with the uncertainty said plainly.

Everybody who was drawn counts, whether they opened anything or not (intention to treat). Shares of people are compared
by Newcombe's interval with its correction for continuity (method 11 of R. G. Newcombe, Statistics in Medicine 17,
1998), which holds the truth at least as often as it says; amounts by Welch's, after taking out what each person's own
past foretells (CUPED: Deng et al., WSDM 2013), with one slope for both arms: the estimate is that of least squares on
the draw and the past. How much amounts vary is known only from those who spent, and a few large ones make most of it:
so the degrees of freedom are counted by spenders, not by people. By people, an arm of a thousand with twenty spenders
would hold the truth in 92 of a hundred instead of 95. A draw that did not come out as it was meant to (sample ratio,
chi-squared, p < 0.001) voids everything: then a fault in the making of the audience is likelier than luck.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import erfc, sqrt
from statistics import NormalDist

CONFIDENCE = 0.95
LEAST_PEOPLE = 100  # in each arm: with fewer nothing is said
LEAST_CONVERTED = 20  # of both arms together
LEAST_SPENDERS = 10  # of each arm, for amounts
_SPENDERS = 5  # to one degree of freedom: half the kurtosis of what is spent, 3 where exponential, 6 where lognormal
UNFAIR = 0.001  # p of the draw's shares
_POWER = 2.8  # standard errors: seen four times in five at 95 % (z 0.975 + z 0.8)


class Verdict(StrEnum):
    TOO_EARLY = "too early"
    NOT_ENOUGH = "not enough data"
    UNFAIR = "the draw is not what was asked for"
    MIXED = "in several currencies"
    MORE = "more"
    FEWER = "fewer"
    UNPROVEN = "no proven difference"


@dataclass(frozen=True)
class Arm:
    """People of one side of the draw, `converted` of them; sums of their amounts (`y`) and of the same before (`x`)."""

    people: int
    converted: int = 0
    y: float = 0.0
    yy: float = 0.0
    x: float = 0.0
    xx: float = 0.0
    xy: float = 0.0

    @property
    def share(self) -> float:
        return self.converted / self.people if self.people else 0.0

    @property
    def mean(self) -> float:
        return self.y / self.people if self.people else 0.0


@dataclass(frozen=True)
class Lift:
    """`difference` per person (of shares, or in the amounts' unit) between `low` and `high`; `relative` to the held
    out, where those are not zero. An interval is told only where there is enough to tell it from.
    """

    verdict: Verdict
    difference: float = 0.0
    low: float | None = None
    high: float | None = None
    relative: float | None = None


def of_shares(reached: Arm, held_out: Arm) -> Lift:
    """How many more of a hundred converted."""
    difference = reached.share - held_out.share
    if not _is_enough(reached, held_out):
        return Lift(Verdict.NOT_ENOUGH, difference)
    (low1, high1), (low0, high0) = _wilson(reached), _wilson(held_out)
    low = difference - sqrt((reached.share - low1) ** 2 + (high0 - held_out.share) ** 2)
    high = difference + sqrt((high1 - reached.share) ** 2 + (held_out.share - low0) ** 2)
    return Lift(_verdict(low, high), difference, low, high, _relative(difference, held_out.share))


def of_amounts(reached: Arm, held_out: Arm) -> Lift:
    """How much more each person spent, by what they spent before."""
    slope = _slope(reached, held_out)
    past = (reached.x + held_out.x) / max(reached.people + held_out.people, 1)
    mean1, variance1 = _adjusted(reached, slope, past)
    mean0, variance0 = _adjusted(held_out, slope, past)
    difference = mean1 - mean0
    if not _is_enough(reached, held_out) or min(reached.converted, held_out.converted) < LEAST_SPENDERS:
        return Lift(Verdict.NOT_ENOUGH, difference)
    of1, of0 = variance1 / reached.people, variance0 / held_out.people
    if not of1 + of0:
        return Lift(Verdict.NOT_ENOUGH, difference)
    freedom = (of1 + of0) ** 2 / (of1**2 / _freedom(reached) + of0**2 / _freedom(held_out))
    reach = _student(freedom) * sqrt(of1 + of0)
    low, high = difference - reach, difference + reach
    return Lift(_verdict(low, high), difference, low, high, _relative(difference, mean0))


def is_fair(reached: int, held_out: int, share: float) -> bool:
    """Whether so many held out can be by chance, where `share` of all were to be."""
    everybody = reached + held_out
    if not everybody or not 0 < share < 1:
        return True
    expected = everybody * share
    chi_squared = (held_out - expected) ** 2 / expected + (held_out - expected) ** 2 / (everybody - expected)
    return erfc(sqrt(chi_squared / 2)) >= UNFAIR


def detectable(reached: int, held_out: int, share: float) -> float | None:
    """The smallest relative lift of a share of converted people that so many would show four times in five."""
    if not reached or not held_out or not 0 < share < 1:
        return None
    return _POWER * sqrt(share * (1 - share) * (1 / reached + 1 / held_out)) / share


def _is_enough(reached: Arm, held_out: Arm) -> bool:
    is_many = min(reached.people, held_out.people) >= LEAST_PEOPLE
    return is_many and reached.converted + held_out.converted >= LEAST_CONVERTED


def _verdict(low: float, high: float) -> Verdict:
    if low > 0:
        return Verdict.MORE
    return Verdict.FEWER if high < 0 else Verdict.UNPROVEN


def _relative(difference: float, base: float) -> float | None:
    return difference / base if base > 0 else None


def _wilson(arm: Arm) -> tuple[float, float]:
    """Where an arm's own share is, corrected for continuity."""
    z2, n, p = _z() ** 2, arm.people, arm.share
    middle, width = 2 * n * p + z2, 2 * (n + z2)
    down = z2 - 2 - 1 / n + 4 * p * (n * (1 - p) + 1)
    up = z2 + 2 - 1 / n + 4 * p * (n * (1 - p) - 1)
    low = max(0.0, (middle - 1 - sqrt(z2 * down)) / width) if p > 0 else 0.0
    high = min(1.0, (middle + 1 + sqrt(z2 * up)) / width) if p < 1 else 1.0
    return low, high


def _slope(*arms: Arm) -> float:
    within = sum(arm.xx - arm.x**2 / arm.people for arm in arms if arm.people)
    return sum(arm.xy - arm.x * arm.y / arm.people for arm in arms if arm.people) / within if within > 0 else 0.0


def _adjusted(arm: Arm, slope: float, past: float) -> tuple[float, float]:
    """The mean and the variance of `y` less what `x` foretells."""
    n = arm.people
    if n < 2:
        return arm.mean, 0.0
    variance = arm.yy - arm.y**2 / n - 2 * slope * (arm.xy - arm.x * arm.y / n) + slope**2 * (arm.xx - arm.x**2 / n)
    return arm.mean - slope * (arm.x / n - past), max(variance, 0.0) / (n - 1)


def _freedom(arm: Arm) -> float:
    """With which an arm's variance of amounts is known: 2 n / (kurtosis - 1), which those who spend nothing raise."""
    return min(arm.people - 1, arm.converted / _SPENDERS)


def _z() -> float:
    return NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)


def _student(freedom: float) -> float:
    """Student's quantile by its expansion around the normal one: within 1 % from 2.5 degrees of freedom on."""
    z = _z()
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3
