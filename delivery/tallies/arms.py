"""What those reached did beside those held out, added up slice by slice in the order of customers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from campaigns.models import Counting

PEOPLE = 50_000  # of a slice
BEFORE = timedelta(weeks=8)  # of a person's past, for the lift
SUMS = ("people", "converted", "y", "yy", "x", "xx", "xy")
NOTHING: dict[str, Any] = {
    "arms": {arm: dict.fromkeys(SUMS, 0.0) for arm in ("reached", "held_out")},
    "amounts": {},  # how many goal events by currency
}


@dataclass(frozen=True)
class Window:
    """The goal's events that count: those after `begins`, up to `until`."""

    goal: str
    begins: datetime
    until: datetime


def add_up(counting: Counting, window: Window, *, own: str) -> int | None:
    """Add the next slice to the sums. Returns the last customer of it; None when there are no more.

    Amounts count in the `own` currency, and where they name none; without an own one, in whichever they are.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LAST, [counting.run_id, counting.after, PEOPLE])
        number, last = cursor.fetchone()
        params = {
            "run": counting.run_id, "after": counting.after, "last": last, "goal": window.goal, "own": own,
            "begins": window.begins, "until": window.until, "before": window.begins - BEFORE,
        }  # fmt: skip
        if number:
            cursor.execute(_ARMS, params)
            counting.sums = _added(counting.sums, cursor.fetchall())
    return int(last) if number == PEOPLE else None


def amounts(counted: Mapping[str, int], own: str) -> dict[str, Any]:
    """What the arms' amounts are, as Result says it."""
    if not own and len(counted) > 1:
        return {"currency": None, "left_out": dict(counted)}
    currency = own or next(iter(counted), "")
    return {"currency": currency, "left_out": {each: number for each, number in counted.items() if each != currency}}


def _added(sums: Mapping[str, Any], rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    arms, counted = {arm: dict(told) for arm, told in sums["arms"].items()}, dict(sums["amounts"])
    for arm, currency, *numbers in rows:
        if arm is None:
            counted[currency] = counted.get(currency, 0) + int(numbers[0])
        else:
            arms[arm] = {name: arms[arm][name] + float(n) for name, n in zip(SUMS, numbers, strict=True)}
    return {"arms": arms, "amounts": counted}


_LAST = """
SELECT count(*), max(customer_id) FROM (
    SELECT customer_id FROM campaigns_member WHERE run_id = %s AND customer_id > %s ORDER BY customer_id LIMIT %s
) slice
"""
# Drawn to be reached are those who were, and those whom the limits then left out: the draw was before the limits.
_ARMS = """
WITH drawn AS MATERIALIZED (
    SELECT customer_id, CASE WHEN reason = 'holdout' THEN 'held_out' ELSE 'reached' END AS arm
    FROM campaigns_member
    WHERE run_id = %(run)s AND customer_id > %(after)s AND customer_id <= %(last)s
        AND (is_included OR reason IN ('holdout', 'capped'))
), spent AS MATERIALIZED (
    SELECT customer_id, coalesce(nullif(currency, ''), %(own)s) AS currency, count(value) AS amounts,
        count(*) FILTER (WHERE occurred_at > %(begins)s) AS times,
        coalesce(sum(value) FILTER (WHERE occurred_at > %(begins)s), 0) AS y,
        coalesce(sum(value) FILTER (WHERE occurred_at <= %(begins)s), 0) AS x
    FROM campaigns_event
    WHERE name = %(goal)s AND occurred_at > %(before)s AND occurred_at <= %(until)s
        AND customer_id IN (SELECT customer_id FROM drawn)
    GROUP BY 1, 2
), did AS (
    SELECT customer_id, sum(times) AS times,
        coalesce(sum(y) FILTER (WHERE %(own)s IN ('', currency)), 0) AS y,
        coalesce(sum(x) FILTER (WHERE %(own)s IN ('', currency)), 0) AS x
    FROM spent GROUP BY customer_id
)
SELECT arm, NULL AS currency, count(*) AS people, count(*) FILTER (WHERE times > 0) AS converted,
    coalesce(sum(y), 0) AS y, coalesce(sum(y * y), 0) AS yy,
    coalesce(sum(x), 0) AS x, coalesce(sum(x * x), 0) AS xx, coalesce(sum(x * y), 0) AS xy
FROM drawn LEFT JOIN did USING (customer_id) GROUP BY arm
UNION ALL
SELECT NULL, currency, sum(amounts), 0, 0, 0, 0, 0, 0 FROM spent WHERE amounts > 0 GROUP BY currency
"""
