"""Products in: validated row by row, written in one statement, which also puts down what they were like before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from django.db import connection, transaction

from campaigns.ingest import closed, documents, fields, rows
from campaigns.ingest.fields import Invalid, Reader
from campaigns.ingest.results import Problem, RowResult
from campaigns.models import Product

LONGEST_URL = 2000
_url_text = fields.text(LONGEST_URL)


def url(given: Any) -> str:
    """An address of the web, whole: https://shop.example/loaf."""
    value: str = _url_text(given)
    if value and not _is_url(value):
        raise Invalid(f"{fields.shown(given)} is not a web address: begin it with https:// and write spaces as %20")
    return value


def price(given: Any) -> str | None:
    value = fields.amount(given)
    if value is not None and Decimal(value) < 0:
        raise Invalid(f"{fields.shown(given)} is below zero: correct it")
    return value


def availability(given: Any) -> str:
    value: str = fields.text(40)(given).lower().replace(" ", "_").replace("-", "_") or Product.Availability.IN_STOCK
    if value not in Product.Availability.values:
        raise Invalid(f"{fields.shown(given)} is not known: use {', '.join(Product.Availability.values)}")
    return value


READERS: dict[str, Reader] = {
    "sku": fields.needed(100, cure="it is your own number of the product"),
    "name": fields.needed(300, cure="it is what people call the product"),
    "url": url,
    "image_url": url,
    "price": price,
    "currency": fields.currency,
    "category": fields.text(100),
    "availability": availability,
}
NEEDED = ("sku",)
NAMELESS = Problem("name", "is required for a product that is new: it is what people call it")


def upsert_products(given: Sequence[Mapping[str, Any]], *, now: datetime) -> list[RowResult]:
    """Create or update by `sku`; one result per row, in order.

    Fields that are absent keep what is stored, null clears. Of a product given twice, the later row wins field by
    field and carries the result; the earlier ones count as unchanged.
    """
    results: list[RowResult] = []
    wanted: dict[str, dict[str, Any]] = {}
    places: dict[str, list[int]] = {}
    for index, row in enumerate(given):
        values, problems = closed.read(row, READERS, needed=NEEDED)
        sku = rows.identity(row, "sku") if problems else values["sku"]
        results.append(RowResult(index, sku, "rejected" if problems else "unchanged", tuple(problems)))
        if not problems:
            wanted[sku] = wanted.get(sku, {}) | values
            places.setdefault(sku, []).append(index)
    for sku, outcome in _write([_stored(each) for each in wanted.values()], now).items():
        if outcome == "nameless":
            for index in places[sku]:
                results[index] = replace(results[index], status="rejected", problems=(NAMELESS,))
        else:
            results[places[sku][-1]] = replace(results[places[sku][-1]], status=outcome)
    return results


def _stored(values: dict[str, Any]) -> dict[str, Any]:
    """The row as the statement takes it: a price that is cleared apart from one that is not given."""
    return values | {"priceless": True} if values.get("price", "") is None else values


@transaction.atomic
def _write(wanted: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    """created, updated or nameless by sku, of all but the unchanged."""
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        # One writer per retailer at a time: two files with the same products neither deadlock nor race to insert.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('products'), hashtext(current_schema()))")
        cursor.execute(_UPSERT, {"rows": documents.encode(wanted), "now": now})
        return dict(cursor.fetchall())


def _is_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 -- raises where it is no number
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not any(each.isspace() for each in value)


_TEXTS = ("name", "url", "image_url", "currency", "category", "availability")
_FIELDS = (*_TEXTS, "price")
_NEW = ", ".join([f"coalesce(g.{name}, p.{name})" for name in _TEXTS])
_NEW += ", CASE WHEN g.priceless THEN NULL ELSE coalesce(g.price, p.price) END"
_UPSERT = f"""
WITH given AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(rows)s) AS g(
        sku varchar, {", ".join(f"{name} varchar" for name in _TEXTS)}, price numeric, priceless boolean)
), past AS (
    INSERT INTO campaigns_productpast (product_id, until, {", ".join(_FIELDS)})
    SELECT p.id, %(now)s, {", ".join(f"p.{name}" for name in _FIELDS)}
      FROM given g JOIN campaigns_product p ON p.sku = g.sku
     WHERE ({", ".join(f"p.{name}" for name in _FIELDS)}) IS DISTINCT FROM ({_NEW})
), updated AS (
    UPDATE campaigns_product p SET ({", ".join(_FIELDS)}, updated_at) = ROW({_NEW}, %(now)s)
      FROM given g
     WHERE p.sku = g.sku AND ({", ".join(f"p.{name}" for name in _FIELDS)}) IS DISTINCT FROM ({_NEW})
    RETURNING p.sku
), new AS (
    SELECT g.* FROM given g WHERE (SELECT p.id FROM campaigns_product p WHERE p.sku = g.sku) IS NULL
), inserted AS (
    INSERT INTO campaigns_product (sku, {", ".join(_FIELDS)}, created_at, updated_at)
    SELECT sku, name, coalesce(url, ''), coalesce(image_url, ''), coalesce(currency, ''), coalesce(category, ''),
           coalesce(availability, '{Product.Availability.IN_STOCK.value}'), price, %(now)s, %(now)s
      FROM new WHERE name IS NOT NULL
    ON CONFLICT (sku) DO NOTHING
    RETURNING sku
)
SELECT sku, 'created' FROM inserted
UNION ALL SELECT sku, 'updated' FROM updated
UNION ALL SELECT sku, 'nameless' FROM new WHERE name IS NULL
"""
