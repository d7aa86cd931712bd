"""Which products suit whom: what sells in the categories that somebody buys or looks at, then what sells at all.

A category weighs as much as the person's events in it, an order more than a view, and each half as much after ninety
days; within it the better seller goes first. What the person bought in the last sixty days is left out (they have
it), and so is what cannot be bought now.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from campaigns.models import Run
from campaigns.recommendations import popularity

MOST = 12  # products handed to a message: a template shows as many of them as it likes
LOOKED_AT = 50  # of a person's latest events


@dataclass(frozen=True)
class Picks:
    """Products by customer; `popular` is for whoever is not among them."""

    of: Mapping[int, list[dict[str, Any]]]
    popular: list[dict[str, Any]]

    def for_customer(self, customer_id: int | None) -> list[dict[str, Any]]:
        return self.of.get(customer_id or 0, self.popular)


def pick(customer_ids: Sequence[int], *, run: Run | None, now: datetime) -> Picks:
    """The products for each of these people as of `now`, best first: plain dicts with sku, name, and what else the
    catalog knows of url, image_url, price, currency and category.
    """
    return _picked(_PICK, customer_ids, popularity.count_once(now, run), run, now)


def pick_again(customer_ids: Sequence[int], *, run: Run | None, at: datetime) -> Picks:
    """The same as they were picked at a moment of the past, by what was counted then, and as the catalog had them:
    nothing is counted for a look back. No products where that is not kept any more (`is_kept`).
    """
    return _picked(_PICK_AGAIN, customer_ids, at.date(), run, at)


def _picked(query: str, customer_ids: Sequence[int], day: date, run: Run | None, now: datetime) -> Picks:
    wanted = [*dict.fromkeys(customer_ids), 0]  # 0 is nobody: without a history
    with connection.cursor() as cursor:
        cursor.execute(
            query,
            {
                "people": wanted, "day": day, "run": run.pk if run else popularity.EVERYBODY,
                "everybody": popularity.EVERYBODY, "now": now, "most": MOST, "looked_at": LOOKED_AT,
            },
        )  # fmt: skip
        found = {customer_id: [_shown(each) for each in json.loads(told)] for customer_id, told in cursor.fetchall()}
    popular = found.pop(0, [])
    return Picks(found, popular)


def _shown(product: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in product.items() if value not in (None, "")}


_FIELDS = ("name", "url", "image_url", "price", "currency", "category", "availability")
_CATALOG = "SELECT * FROM campaigns_product"
# Each article as it was then: as the first change since found it.
_CATALOG_THEN = f"""
SELECT p.id, p.sku, {", ".join(f"CASE WHEN past.id IS NULL THEN p.{n} ELSE past.{n} END AS {n}" for n in _FIELDS)}
FROM campaigns_product p LEFT JOIN LATERAL (
    SELECT * FROM campaigns_productpast past WHERE past.product_id = p.id AND past.until > %(now)s
    ORDER BY past.until, past.id LIMIT 1) past ON true
WHERE p.id IN (SELECT product_id FROM popular)
"""
_TEMPLATE = """
WITH people AS (
    SELECT unnest(%(people)s::bigint[]) AS customer_id
), scope AS (
    SELECT coalesce(
        (SELECT run FROM campaigns_popularity WHERE day = %(day)s AND run = %(run)s LIMIT 1), %(everybody)s) AS run
), popular AS (
    SELECT product_id, category, place, place_in_category FROM campaigns_popularity
    WHERE day = %(day)s AND run = (SELECT run FROM scope)
), recent AS (
    SELECT people.customer_id, event.category, event.properties ->> 'sku' AS sku,
        event.name = 'order' AND event.occurred_at > %(now)s - interval '60 days' AS is_owned,
        CASE event.name WHEN 'order' THEN 3 WHEN 'cart' THEN 2 ELSE 1 END
            * exp(-extract(epoch FROM %(now)s - event.occurred_at) * ln(2) / (90 * 86400)) AS weight
    FROM people CROSS JOIN LATERAL (
        SELECT category, properties, name, occurred_at FROM campaigns_event event
        WHERE event.customer_id = people.customer_id AND event.occurred_at <= %(now)s
        ORDER BY occurred_at DESC LIMIT %(looked_at)s) event
), tastes AS (
    SELECT customer_id, category, sum(weight) AS weight FROM recent WHERE category <> '' GROUP BY 1, 2
), suiting AS (
    SELECT tastes.customer_id, popular.product_id, tastes.weight / (popular.place_in_category + 2) AS score
    FROM tastes JOIN popular ON popular.category = tastes.category AND popular.place_in_category <= 2 * %(most)s
    UNION ALL
    SELECT people.customer_id, popular.product_id, 0.001 / (popular.place + 2)
    FROM people CROSS JOIN popular WHERE popular.place <= 3 * %(most)s
), best AS (
    SELECT suiting.customer_id, suiting.product_id, max(score) AS score FROM suiting
    GROUP BY 1, 2
), placed AS (
    SELECT best.customer_id, product.*,
        row_number() OVER (PARTITION BY best.customer_id ORDER BY best.score DESC, product.sku) AS place
    FROM best JOIN ({catalog}) product ON product.id = best.product_id
    WHERE product.availability IN ('in_stock', 'preorder') AND NOT EXISTS (
        SELECT FROM recent WHERE recent.customer_id = best.customer_id AND recent.sku = product.sku AND is_owned)
)
SELECT customer_id, json_agg(json_build_object(
    'sku', sku, 'name', name, 'url', url, 'image_url', image_url, 'price', price::float, 'currency', currency,
    'category', category) ORDER BY place)::text
FROM placed WHERE place <= %(most)s GROUP BY customer_id
"""
_PICK, _PICK_AGAIN = (_TEMPLATE.format(catalog=each) for each in (_CATALOG, _CATALOG_THEN))
