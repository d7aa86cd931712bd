"""What sells: counted once a day for everybody, and once for the people of a run, and kept for a while."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db import connection, transaction

from campaigns.models import Popularity, PopularityCount, ProductPast, Run
from tenants import context
from tenants.models import Retailer

EVERYBODY = 0
KEPT_PLACES = 60  # over all
KEPT_IN_CATEGORY = 24
SAMPLE = 20_000  # members of a run whose orders are counted, by their draw
TOO_FEW = 200  # orders of a run's people: below it, what sells to everybody says more
KEPT_DAYS = 120


def count_once(now: datetime, run: Run | None = None) -> date:
    """See to it that the day's counts are there, for everybody and for a run's people. Returns the day, in UTC."""
    day = now.date()
    for scope in (EVERYBODY, *([run.pk] if run else [])):
        if not _is_counted(day, scope):
            _count(day, scope)
    return day


def is_kept(at: datetime) -> bool:
    """Whether what sold is still known as it was counted that day."""
    return _is_counted(at.date(), EVERYBODY)


def count_everywhere(*, now: datetime) -> None:
    """Every active retailer's counts of the day, before its first message needs them; old ones go."""

    def of(_: Retailer) -> None:
        count_once(now)
        tidy(now=now)

    context.in_every(of, what="the count of what sells")


def tidy(*, now: datetime) -> int:
    """Forget counts that no message page will ask for. How many those were."""
    last = now.date() - timedelta(days=KEPT_DAYS)
    PopularityCount.objects.filter(day__lt=last).delete()
    ProductPast.objects.filter(until__date__lt=last).delete()
    return Popularity.objects.filter(day__lt=last).delete()[0]


def _is_counted(day: date, scope: int) -> bool:
    return PopularityCount.objects.filter(day=day, run=scope).exists()


@transaction.atomic
def _count(day: date, scope: int) -> None:
    """Two workers at once count once: the second finds the first one's, also where that came to nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('popularity'), hashtext(current_schema()))")
        if _is_counted(day, scope):
            return
        PopularityCount.objects.create(day=day, run=scope)
        people = _OF_RUN if scope else ""
        cursor.execute(
            _COUNT.format(people=people),
            {
                "day": day, "run": scope, "sample": SAMPLE, "too_few": TOO_FEW if scope else 0,
                "places": KEPT_PLACES, "in_category": KEPT_IN_CATEGORY,
            },
        )  # fmt: skip


_OF_RUN = """
AND event.customer_id IN (
    SELECT customer_id FROM campaigns_member WHERE run_id = %(run)s AND is_included
    AND draw < (SELECT %(sample)s::float / greatest(count(*), 1) FROM campaigns_member
                WHERE run_id = %(run)s AND is_included))
"""
# Where hardly anything was sold, what is in the catalog has its place by name: a new shop recommends too.
_COUNT = """
WITH sold AS (
    SELECT event.properties ->> 'sku' AS sku, count(*) AS orders FROM campaigns_event event
    WHERE event.name = 'order' AND event.occurred_at >= %(day)s::date - 30 AND event.occurred_at < %(day)s::date
      AND event.properties ? 'sku' {people}
    GROUP BY 1
), placed AS (
    SELECT product.id, product.category, coalesce(sold.orders, 0) AS orders,
        row_number() OVER (ORDER BY coalesce(sold.orders, 0) DESC, product.sku) AS place,
        row_number() OVER (PARTITION BY product.category ORDER BY coalesce(sold.orders, 0) DESC, product.sku)
            AS place_in_category
    FROM campaigns_product product LEFT JOIN sold ON sold.sku = product.sku
    WHERE product.availability <> 'discontinued'
)
INSERT INTO campaigns_popularity (day, run, product_id, category, orders, place, place_in_category)
SELECT %(day)s, %(run)s, id, category, orders, place, place_in_category FROM placed
WHERE (place <= %(places)s OR (category <> '' AND place_in_category <= %(in_category)s))
  AND (SELECT coalesce(sum(orders), 0) FROM sold) >= %(too_few)s
ON CONFLICT DO NOTHING
"""
