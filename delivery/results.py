"""What a run's tallies come to: totals, the same by anything that is told apart, links, and the lift.

Reads    Tally, SegmentTally, LinkTally, Result, Link
Promise  every number is a sum over tallies; those of people are people's, and machines' stand beside them; amounts
         are sums within their currency
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from campaigns import lift
from campaigns.lift import Arm, Lift, Verdict
from campaigns.models import Result, Run
from delivery import tallies
from tenants import agenda, context

FRESH = timedelta(seconds=10)
QUICK = 0.3  # seconds that a count may take while somebody waits for it
SMALL = 20_000  # messages: counted at once, where it is not known how long that takes
DIMENSIONS = {
    "step": ("step",),
    "wave": ("step", "wave"),
    "variant": ("step", "variant"),
    "channel": ("channel",),
    "provider": ("provider",),
    "domain": ("domain",),
    "hour": ("hour",),
    "segment": ("segment",),  # those overlap, and so stand in a table of their own
}
COUNTS = (
    "messages", "taken", "delivered", "bounced", "opened", "opened_by_machine", "clicked", "clicked_by_machine",
    "unsubscribed", "complained", "converted",
)  # fmt: skip
_TAKEN = "state IN ('accepted', 'delivered', 'bounced')"  # the provider took it, whatever came of it
_SUMS = ", ".join(
    {
        "messages": "coalesce(sum(messages), 0)",
        "taken": f"coalesce(sum(messages) FILTER (WHERE {_TAKEN}), 0)",
        "delivered": "coalesce(sum(messages) FILTER (WHERE state = 'delivered'), 0)",
        "bounced": "coalesce(sum(messages) FILTER (WHERE state = 'bounced'), 0)",
    }.get(name, f"coalesce(sum({name}), 0)")
    for name in (*COUNTS, "amounts", "revenue")
)


@dataclass(frozen=True)
class Numbers:
    """Of some of a run's messages. `taken` are those that the provider took, and what rates are shares of; `revenue`
    is by currency, blank where the amounts name none and the brand has none either.
    """

    of: dict[str, Any]  # which ones: by the columns of a dimension
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    revenue: dict[str, Decimal] = field(default_factory=dict)

    def share(self, name: str) -> float | None:
        taken = self.counts["taken"]
        return self.counts[name] / taken if taken else None


@dataclass(frozen=True)
class LiftShown:
    """The arms and what they say. `is_fair`: whether the draw came out as it was meant to.

    Amounts are compared in one `currency`, and `left_out` says how many goal events in each other one are not among
    them. Where several are mixed and the brand says none, `currency` is None, and `amounts` say nothing.
    """

    reached: Arm
    held_out: Arm
    shares: Lift
    amounts: Lift
    currency: str | None
    left_out: Mapping[str, int]
    is_fair: bool
    counts_until: datetime
    detectable: float | None  # the smallest relative lift that so many would show


def current(run: Run, *, now: datetime) -> Result | None:
    """The run's count: a fresh one where that is quick, and otherwise the last, while a new one is being made."""
    known = Result.objects.filter(run=run).first()
    if known and now - known.as_of < FRESH:
        return known
    if known.seconds < QUICK if known else run.messages.all()[:SMALL].count() < SMALL:
        return tallies.count(run, now=now)
    agenda.put(context.current(), tallies.AGENDA_KIND, run.pk)
    return known


def totals(run: Run) -> Numbers:
    return _numbers([run.pk], ())[0]


def totals_of(run_ids: Sequence[int]) -> dict[int, Numbers]:
    """Of several runs in one query, by run; of one without tallies there is nothing."""
    return {numbers.of["run_id"]: numbers for numbers in _numbers(run_ids, ("run_id",))}


def by(run: Run, dimension: str) -> list[Numbers]:
    """Raises KeyError for what is no dimension."""
    return _numbers([run.pk], DIMENSIONS[dimension])


def links(run: Run) -> list[dict[str, Any]]:
    """Of each variant's mail, in its order; those that lead to the same place in another language are one."""
    with connection.cursor() as cursor:
        cursor.execute(_LINKS, [run.pk])
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def lift_of(run: Run, result: Result, *, now: datetime) -> LiftShown | None:
    """None without a goal, or where nobody was held out."""
    if not result.arms or result.counts_until is None:
        return None
    arms = {name: _arm(told) for name, told in result.arms.items()}
    currency, left_out = result.amounts.get("currency", ""), result.amounts.get("left_out", {})
    reached, held_out = arms["reached"], arms["held_out"]
    if not held_out.people:
        return None
    is_fair = lift.is_fair(reached.people, held_out.people, run.version.parsed().audience.holdout)
    shares, amounts = lift.of_shares(reached, held_out), lift.of_amounts(reached, held_out)
    if not is_fair:
        shares, amounts = Lift(Verdict.UNFAIR, shares.difference), Lift(Verdict.UNFAIR, amounts.difference)
    elif now < result.counts_until:
        shares, amounts = Lift(Verdict.TOO_EARLY, shares.difference), Lift(Verdict.TOO_EARLY, amounts.difference)
    if currency is None:
        amounts = Lift(amounts.verdict if amounts.verdict in (Verdict.UNFAIR, Verdict.TOO_EARLY) else Verdict.MIXED)
    detectable = lift.detectable(reached.people, held_out.people, held_out.share)
    until = result.counts_until
    return LiftShown(reached, held_out, shares, amounts, currency, left_out, is_fair, until, detectable)


def as_data(run: Run, *, now: datetime) -> dict[str, Any]:
    """As the API tells it; `results` is null until the run was counted."""
    result = current(run, now=now)
    if result is None:
        return {"results": None}
    shown = lift_of(run, result, now=now)
    return {
        "results": {
            "as_of": result.as_of.isoformat(),
            "totals": _told(totals(run)),
            "by": {name: [_told(numbers) for numbers in by(run, name)] for name in DIMENSIONS},
            "links": links(run),
            "lift": _lift_told(shown) if shown else None,
        }
    }


def _numbers(run_ids: Sequence[int], columns: Sequence[str]) -> list[Numbers]:
    """One for each group; and one of zeros for all, where there is nothing and no group either."""
    table = "campaigns_segmenttally" if "segment" in columns else "campaigns_tally"
    names = ", ".join([*columns, "currency"])
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {names}, {_SUMS} FROM {table} WHERE run_id = ANY(%s) GROUP BY {names} ORDER BY {names}",
            [list(run_ids)],
        )
        found: dict[tuple[Any, ...], Numbers] = {} if columns else {(): Numbers({})}
        for row in cursor.fetchall():
            group = row[: len(columns)]
            numbers = found.setdefault(group, Numbers(dict(zip(columns, group, strict=True))))
            _add(numbers, *row[len(columns) :])
    return list(found.values())


def _add(numbers: Numbers, currency: str, *sums: Any) -> None:
    *counts, amounts, revenue = sums
    for name, count in zip(COUNTS, counts, strict=True):
        numbers.counts[name] += int(count)
    if amounts:
        numbers.revenue[currency] = Decimal(revenue)


def _arm(told: dict[str, float]) -> Arm:
    people, converted = int(told["people"]), int(told["converted"])
    return Arm(people, converted, *(told[name] for name in ("y", "yy", "x", "xx", "xy")))


def _told(numbers: Numbers) -> dict[str, Any]:
    of = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in numbers.of.items()}
    revenue = [{"currency": currency or None, "amount": str(amount)} for currency, amount in numbers.revenue.items()]
    return {**of, **numbers.counts, "revenue": revenue}


def _lift_told(shown: LiftShown) -> dict[str, Any]:
    def arm(given: Arm) -> dict[str, Any]:
        mean = None if shown.currency is None else given.mean
        return {"people": given.people, "converted": given.converted, "share": given.share, "mean": mean}

    def told(found: Lift) -> dict[str, Any]:
        interval = [found.low, found.high] if found.low is not None else None
        return {
            "verdict": found.verdict,
            "difference": found.difference,
            "interval": interval,
            "relative": found.relative,
        }

    return {
        "reached": arm(shown.reached),
        "held_out": arm(shown.held_out),
        "shares": told(shown.shares),
        "amounts": told(shown.amounts),
        "currency": shown.currency or None,
        "left_out": shown.left_out,
        "is_fair": shown.is_fair,
        "counts_until": shown.counts_until.isoformat(),
        "detectable": shown.detectable,
    }


_LINKS = """
SELECT tally.step, tally.variant, tally.link AS number, coalesce(min(link.url), '') AS url,
    coalesce(min(link.label), '') AS label, sum(tally.clicks)::int AS clicks, sum(tally.messages)::int AS messages,
    sum(tally.clicks_by_machine)::int AS clicks_by_machine
FROM campaigns_linktally tally
LEFT JOIN LATERAL (
    SELECT url, label FROM delivery_link known
    WHERE known.template_hash = tally.template_hash AND known.number = tally.link
    ORDER BY known.variant = tally.variant DESC, known.id LIMIT 1
) link ON TRUE
WHERE tally.run_id = %s
GROUP BY tally.step, tally.variant, tally.link ORDER BY tally.step, tally.variant, tally.link
"""
