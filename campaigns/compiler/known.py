"""What facts know of orders and engagement, and where they know it exactly.

Facts hold everything that is stored, events up to a day ahead among it; a rule is asked as of an instant. Of people
who did something later than that, and only of them, the events are asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from campaigns.compiler import comparisons
from campaigns.compiler.counts import Times, times
from campaigns.compiler.events import Window
from campaigns.compiler.pieces import EVERYBODY, NOBODY, Sql, joined
from campaigns.config import rules
from campaigns.config.measured import ORDER, RECENT_ORDERS

_UNIT = 10_000  # order_value is in ten-thousandths

Asked = Callable[[Sql], Sql]  # the same of the events of a query of customers


@dataclass(frozen=True)
class Late:
    """Who did something later, where whoever asks looks at that beside the rule, so that nothing in it has to.

    `people` is a query of them. Without it nobody is taken to have: `columns` are then those of facts that must hold
    nothing later.
    """

    people: Sql | None = None
    columns: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Guard:
    """Between facts and a rule that is asked of `among` as of an instant: nothing later counts."""

    as_of: datetime
    among: Sql
    late: Late | None

    def over(self, column: str, known: Sql, of_events: Asked) -> Sql:
        """What facts know, but the events' word on people whose latest is after `as_of`: nearly always nobody."""
        if self.late and self.late.people is None:
            self.late.columns.add(column)
            return known
        asked = of_events(self.late.people if self.late and self.late.people else self._of_facts(column))
        text = f"(CASE WHEN f.{column} > %s THEN {asked.text} ELSE {known.text} END)"
        return Sql(text, (self.as_of, *asked.params, *known.params))

    def _of_facts(self, column: str) -> Sql:
        few = f" AND late.customer_id IN ({self.among.text})" if self.among is not EVERYBODY else ""
        text = f"SELECT late.customer_id FROM campaigns_facts late WHERE late.{column} > %s{few}"
        return Sql(text, (self.as_of, *(self.among.params if few else ())))


def orders(rule: rules.Event, window: Window, guard: Guard, of_events: Asked) -> Sql | None:
    """The condition where facts know the answer, else None."""
    if rule.event != ORDER or rule.where or (rule.sum and rule.sum.property != "value"):
        return None
    wanted = times(rule.count) if rule.count else Times(0) if rule.sum else Times(1)
    if rule.sum is None and not window.begins:
        if wanted == Times(1):
            return window.ended("f.first_order_at")
        if (wanted.least, wanted.most) == (0, 0):
            never = window.ended("f.first_order_at")
            return Sql(f"(({never.text}) IS NOT TRUE)", never.params)
    if window.ends != ("<=", guard.as_of):  # what was before some past day is kept nowhere
        return None
    known = _in_all(rule, wanted) if not window.begins else _lately(rule, wanted, window)
    return known and guard.over("order_1_at", known, of_events)


def ordered(rule: rules.Event, window: Window) -> Sql:
    """What facts must hold of whoever has any such event: their latest order is not before the window, for orders."""
    if rule.event != ORDER:
        return EVERYBODY
    return window.begun("f.order_1_at") if window.begins else window.ended("f.first_order_at")


def _in_all(rule: rules.Event, wanted: Times) -> Sql:
    parts = [wanted.of("f.order_count")] if rule.count or not rule.sum else []
    for name, bound in (rule.sum.bounds if rule.sum else {}).items():
        parts.append(_amount(name, Fraction(comparisons.decimal(bound)) * _UNIT))
    return joined(parts, " AND ")


def _amount(name: str, bound: Fraction) -> Sql:
    """The order value against a bound in its own unit, in whole numbers."""
    if name == "eq":
        whole = bound.denominator == 1
        return Sql("f.order_value = %s", (_clamped(bound.numerator),)) if whole else NOBODY
    if name in ("gte", "gt"):
        return Sql("f.order_value >= %s", (_clamped(math.ceil(bound) if name == "gte" else math.floor(bound) + 1),))
    return Sql("f.order_value <= %s", (_clamped(math.floor(bound) if name == "lte" else math.ceil(bound) - 1),))


def _clamped(number: int) -> int:
    return max(-(2**63) + 1, min(2**63 - 1, number))


def _lately(rule: rules.Event, wanted: Times, window: Window) -> Sql | None:
    """So many orders since then: that the nth newest is of that time, and the one after the last allowed is not."""
    if rule.sum or wanted.least > RECENT_ORDERS or (wanted.most is not None and wanted.most >= RECENT_ORDERS):
        return None
    if wanted.is_impossible:
        return NOBODY
    parts = []
    if wanted.least > 0:
        parts.append(window.begun(f"f.order_{wanted.least}_at"))
    if wanted.most is not None:
        more = window.begun(f"f.order_{wanted.most + 1}_at")
        parts.append(Sql(f"({more.text} IS NOT TRUE)", more.params))
    return joined(parts, " AND ") if parts else EVERYBODY
