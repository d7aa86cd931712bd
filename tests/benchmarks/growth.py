"""How what it takes grows with the number of people: two retailers, one larger, asked in turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from campaigns.audience import Waterfall
from tenants.models import Retailer
from tests.benchmarks import counting, evaluating
from tests.benchmarks.evaluating import Evaluated

COUNTS, EVALUATIONS = 15, 3


@dataclass(frozen=True)
class Growth:
    """Time at the larger size over `times` as much as at the smaller: 1 is linear. `counts` by question."""

    counts: dict[str, float]
    evaluate: float
    ms: dict[str, tuple[float, float]]
    seconds: tuple[float, float]
    complaints: Sequence[str] = field(default_factory=list)

    @property
    def most(self) -> float:
        return max(*self.counts.values(), self.evaluate)


def between(small: Retailer, large: Retailer, *, as_of: datetime) -> Growth:
    few, many = counting.in_turns(small, large, as_of=as_of, runs=COUNTS)
    ms = {one.question.name: (one.usual, other.usual) for one, other in zip(few.each, many.each, strict=True)}
    of_few, of_many = _evaluations(small, large, as_of)
    times = of_many.waterfall.candidates / of_few.waterfall.candidates
    seconds = of_few.usual, of_many.usual
    return Growth(
        {name: large / small / times for name, (small, large) in ms.items()},
        seconds[1] / seconds[0] / times,
        {name: (round(small, 1), round(large, 1)) for name, (small, large) in ms.items()},
        seconds,
        [*few.complaints, *many.complaints, *of_few.complaints, *of_many.complaints],
    )


def _evaluations(small: Retailer, large: Retailer, now: datetime) -> tuple[Evaluated, Evaluated]:
    both = [(retailer, Evaluated(Waterfall(0, 0, {}))) for retailer in (small, large)]
    for retailer, _ in both:
        evaluating.prepare(retailer, now)
    for _ in range(EVALUATIONS):
        for retailer, done in both:
            evaluating.once(done, retailer, now)
    return both[0][1], both[1][1]
