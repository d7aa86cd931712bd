"""How long a marketer waits for the count while typing: matching people, and why some of them cannot be reached.

Warm: the same question again and again. Cold: the first question of all (tests.benchmarks.cold).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median

from django.db import connection

from campaigns import reach
from campaigns.config.gate import parse_rule
from tenants import context
from tenants.models import Retailer
from tests.benchmarks import cold, delays
from tests.benchmarks.questions import QUESTIONS, Question, ask_by_hand

WARM_UPS, WARM = 3, 30


@dataclass
class Counted:
    """Milliseconds of each run; `people` and `reachable` are the answer."""

    question: Question
    people: int = 0
    reachable: int = 0
    warm: list[float] = field(default_factory=list)
    cold: list[float] = field(default_factory=list)
    naive: list[float] = field(default_factory=list)
    naive_cold: list[float] = field(default_factory=list)

    @property
    def warm_p95(self) -> float:
        return delays.percentile(self.warm, 0.95)

    @property
    def cold_p95(self) -> float:
        return delays.percentile(self.cold, 0.95)

    @property
    def usual(self) -> float:
        return median(self.warm)


@dataclass
class Counts:
    each: list[Counted]
    limit: list[float]  # ms of one pass over the facts
    complaints: list[str] = field(default_factory=list)


def warm(retailer: Retailer, *, as_of: datetime, runs: int = WARM) -> Counts:
    """Ours and the naive way in turns; each answer is held against the one by hand."""
    counts = Counts([Counted(question) for question in QUESTIONS], [])
    with context.in_retailer(retailer):
        for each in counts.each:
            for _ in range(WARM_UPS):
                _count(each, as_of)
            for half in (runs // 2, runs - runs // 2):
                counts.limit.append(_timed(_pass_over_facts))
                each.warm += [_timed(lambda each=each: _count(each, as_of)) for _ in range(half)]  # type: ignore[misc]
                each.naive.append(_timed(lambda each=each: _judge(each, as_of, counts.complaints)))  # type: ignore[misc]
    return counts


def in_turns(small: Retailer, large: Retailer, *, as_of: datetime, runs: int) -> tuple[Counts, Counts]:
    """Warm, and now the one, now the other, so that what else the machine does weighs on both."""
    both = tuple((retailer, Counts([Counted(question) for question in QUESTIONS], [])) for retailer in (small, large))
    for number in range(len(QUESTIONS)):
        for turn in range(WARM_UPS + runs):
            for retailer, counts in both:
                each = counts.each[number]
                with context.in_retailer(retailer):
                    took = _timed(lambda each=each: _count(each, as_of))  # type: ignore[misc]
                    if turn >= WARM_UPS:
                        each.warm.append(took)
        for retailer, counts in both:
            with context.in_retailer(retailer):
                _judge(counts.each[number], as_of, counts.complaints)
    return both[0][1], both[1][1]


def from_cold(counts: Counts, retailer: Retailer, *, as_of: datetime, runs: int) -> None:
    for number in range(runs):
        for each in counts.each:
            each.cold.append(_first(retailer, lambda each=each: _count(each, as_of)))  # type: ignore[misc]
            if number == 0:
                by_hand = lambda each=each: _judge(each, as_of, counts.complaints)  # type: ignore[misc]  # noqa: E731
                each.naive_cold.append(_first(retailer, by_hand))


def _first(retailer: Retailer, work: Callable[[], None]) -> float:
    context.leave()
    cold.forget()
    with context.in_retailer(retailer):
        return _timed(work)


def _count(counted: Counted, as_of: datetime) -> None:
    """What the console asks while somebody writes a rule."""
    seen = reach.look(parse_rule(counted.question.rule), as_of=as_of)
    counted.people, counted.reachable = seen.matched, seen.channels["email"].included


def _judge(counted: Counted, as_of: datetime, complaints: list[str]) -> None:
    by_hand = ask_by_hand(counted.question, as_of=as_of)
    if by_hand != (ours := (counted.people, counted.reachable)):
        complaints.append(f"{counted.question.name} counts {ours}, and the raw tables say {by_hand}")


def _pass_over_facts() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM campaigns_facts WHERE seed >= 0")


def _timed(work: Callable[[], None]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000
