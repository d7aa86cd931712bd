"""How often something must have happened, as a range of whole numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from campaigns.compiler.pieces import EVERYBODY, NOBODY, Sql, joined
from campaigns.config import rules


@dataclass(frozen=True)
class Times:
    """From `least` to `most` times, both inclusive; no `most` is no limit. Where `most` is less, nothing is meant."""

    least: int
    most: int | None = None

    @property
    def is_impossible(self) -> bool:
        return self.most is not None and self.most < self.least

    def holds(self, count: int) -> bool:
        return self.least <= count and (self.most is None or count <= self.most)

    def of(self, count: str) -> Sql:
        """The condition on a whole number of ours."""
        parts = [Sql(f"{count} >= %s", (self.least,))] if self.least > 0 else []
        parts += [Sql(f"{count} <= %s", (self.most,))] if self.most is not None else []
        return NOBODY if self.is_impossible else joined(parts, " AND ") if parts else EVERYBODY


def times(bounds: rules.NumberComparison) -> Times:
    """The whole numbers that the bounds allow."""
    least, most = 0, None
    for name, bound in bounds.bounds.items():
        if name in ("gte", "gt", "eq"):
            least = max(least, math.floor(bound) + 1 if name == "gt" else math.ceil(bound))
        if name in ("lte", "lt", "eq"):
            limit = math.ceil(bound) - 1 if name == "lt" else math.floor(bound)
            most = limit if most is None else min(most, limit)
    return Times(least, most)
