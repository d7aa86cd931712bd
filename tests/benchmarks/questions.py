"""The five reference rules, as marketers give them, and the same questions put to the raw tables by hand.

The second form is how one would write it without our tables: a correlated count for each condition on events, an
attribute out of the JSON document, one query of suppressions for each person. It is the baseline, and the judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from tests.benchmarks.population import CITIES

CITY_NAMES = list(CITIES[2:7])


@dataclass(frozen=True)
class Question:
    name: str
    words: str
    rule: dict[str, Any]
    by_hand: str  # a condition on campaigns_customer c


def ask_by_hand(question: Question, *, as_of: datetime) -> tuple[int, int]:
    """How many people the question is about, and how many e-mail addresses of theirs may be written to."""
    days = {f"d{n}": as_of - timedelta(days=n) for n in (30, 60, 90, 180)}
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT count(*), count(DISTINCT c.email) FILTER (
                    WHERE c.email <> '' AND c.consent_email AND c.email NOT IN (
                        SELECT s.address FROM campaigns_suppression s WHERE s.channel = 'email'))
                FROM campaigns_customer c WHERE {question.by_hand}""",
            {"now": as_of, "cities": CITY_NAMES, **days},
        )
        people, reachable = cursor.fetchone()
        return int(people), int(reachable)


def _orders(what: str, since: str = "", more: str = "") -> str:
    after = f" AND e.occurred_at > %({since})s" if since else ""
    return (
        f"(SELECT {what} FROM campaigns_event e WHERE e.customer_id = c.id AND e.name = 'order'"
        f" AND e.occurred_at <= %(now)s{after}{more})"
    )


def _order(within: str, **more: Any) -> dict[str, Any]:
    return {"event": "order", "within": within, **more}


_WINE = " AND e.properties ->> 'category' = 'wine'"
QUESTIONS = (
    Question(
        "R1", "tier is gold",
        {"attribute": "attributes.tier", "eq": "gold"},
        "c.attributes ->> 'tier' = 'gold'",
    ),
    Question(
        "R2", "2 orders in 30 days, in 5 cities",
        {"all": [_order("30d", count={"gte": 2}), {"attribute": "city", "in": CITY_NAMES}]},
        f"c.city = ANY(%(cities)s) AND {_orders('count(*)', 'd30')} >= 2",
    ),
    Question(
        "R3", "no order for 60 to 180 days, spent 100",
        {"all": [
            _order("180d"), {"not": _order("60d")},
            {"event": "order", "sum": {"property": "value", "gte": 100}},
        ]},
        f"{_orders('count(*)', 'd180')} > 0 AND {_orders('count(*)', 'd60')} = 0"
        f" AND {_orders('sum(e.value)')} >= 100",
    ),
    Question(
        "R4", "nested, six leaves, one a category",
        {"any": [
            {"all": [
                {"attribute": "attributes.tier", "in": ["gold", "silver"]},
                _order("90d", where=[{"property": "category", "eq": "wine"}]),
            ]},
            {"all": [
                {"attribute": "attributes.points", "gte": 500},
                {"attribute": "country", "eq": "GB"},
                {"not": {"any": [_order("180d"), {"consent": {"channel": "push"}}]}},
            ]},
        ]},
        f"(c.attributes ->> 'tier' IN ('gold', 'silver')"
        f" AND {_orders('count(*)', 'd90', more=_WINE)} > 0)"
        f" OR ((c.attributes ->> 'points')::numeric >= 500 AND c.country = 'GB'"
        f" AND NOT ({_orders('count(*)', 'd180')} > 0 OR c.consent_push))",
    ),
    Question("R5", "everybody whom e-mail reaches", {"all": []}, "true"),
)  # fmt: skip
