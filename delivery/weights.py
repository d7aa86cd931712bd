"""What share of a wave each variant gets, and how a member's draw is cut by that.

Here is where an optimiser steps in: it sees what the waves before brought, and says the shares of the next.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate

from campaigns.config.campaign import Step
from campaigns.models import Run


def decide(run: Run, step: Step, *, wave: int) -> dict[str, float]:
    """The variants' shares of a wave that opens now, which are stored with it. They add up to 1: equal ones, today."""
    return equal(step)


def equal(step: Step) -> dict[str, float]:
    return {variant.key: 1 / len(step.variants) for variant in step.variants}


def cuts(step: Step, shares: Mapping[str, float]) -> list[float]:
    """Where [0, 1) is cut between one variant and the next, in the order of the step."""
    return list(accumulate(shares.get(variant.key, 0.0) for variant in step.variants))[:-1]


def variant(step: Step, between: Sequence[float], draw: float) -> str:
    """As delivery.messages picks it: what the database calls width_bucket."""
    return step.variants[bisect_right(between, draw)].key
