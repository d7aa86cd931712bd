"""The catalog: products in by any door, validated alike, written once."""

from __future__ import annotations

import gzip
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import ingest
from campaigns.ingest import RowResult
from campaigns.models import Product
from marketing.demo import banners, fill
from tenants import context
from tenants.models import Retailer
from tests import statements

LOAF = {
    "sku": "GB-101", "name": "Sourdough loaf", "url": "https://shop.example/loaf",
    "image_url": "https://img.example/loaf.png", "price": "4.20", "currency": "gbp", "category": "bakery",
    "availability": "In stock",
}  # fmt: skip


def bring(*rows: Any) -> list[RowResult]:
    return ingest.upsert_products(rows, now=timezone.now())


def statuses(*rows: Any) -> list[str]:
    return [each.status for each in bring(*rows)]


def test_product_is_created_updated_and_left_alone(at_acme: Retailer) -> None:
    assert statuses(LOAF) == ["created"]
    made = Product.objects.get()
    assert (made.name, made.price, made.currency, made.availability) == (
        "Sourdough loaf", Decimal("4.2"), "GBP", "in_stock"
    )  # fmt: skip
    assert statuses(LOAF) == ["unchanged"]
    assert Product.objects.get().updated_at == made.updated_at
    assert statuses({"sku": "GB-101", "price": 4.5}) == ["updated"]
    changed = Product.objects.get()
    assert (changed.price, changed.name, changed.category) == (Decimal("4.5"), "Sourdough loaf", "bakery")


def test_null_clears_what_may_be_missing(at_acme: Retailer) -> None:
    bring(LOAF)
    cleared = dict.fromkeys(("url", "image_url", "price", "currency", "category", "availability"))
    assert statuses({"sku": "GB-101"} | cleared) == ["updated"]
    product = Product.objects.get()
    assert (product.url, product.price, product.category, product.availability) == ("", None, "", "in_stock")
    assert statuses({"sku": "GB-101"} | cleared) == ["unchanged"]


def test_of_a_product_given_twice_the_later_row_wins_field_by_field(at_acme: Retailer) -> None:
    assert statuses(LOAF, {"sku": "GB-101", "price": None}, {"sku": "GB-101", "name": "Loaf"}) == [
        "unchanged", "unchanged", "created"
    ]  # fmt: skip
    product = Product.objects.get()
    assert (product.name, product.price, product.category) == ("Loaf", None, "bakery")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"sku": ""}, "sku"),
        ({"sku": "x" * 101}, "sku"),
        ({"name": None}, "name"),
        ({"url": "shop.example/loaf"}, "url"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"url": "data:text/html,x"}, "url"),
        ({"url": "https://"}, "url"),
        ({"url": "https://[::1"}, "url"),
        ({"url": "https://shop.example:port/"}, "url"),
        ({"url": "https://shop.example/a loaf"}, "url"),
        ({"url": f"https://shop.example/{'x' * 2000}"}, "url"),
        ({"image_url": "ftp://img.example/1.png"}, "image_url"),
        ({"image_url": "//img.example/1.png"}, "image_url"),
        ({"price": "-0.01"}, "price"),
        ({"price": "free"}, "price"),
        ({"price": 10**11}, "price"),
        ({"currency": "pounds"}, "currency"),
        ({"availability": "maybe"}, "availability"),
        ({"category": 7}, "category"),
        ({"colour": "brown"}, "colour"),
    ],
)
def test_what_is_wrong_is_named_with_its_cure(at_acme: Retailer, change: dict[str, Any], field: str) -> None:
    good = LOAF | {"sku": "good"}
    bad, kept = bring(LOAF | change, good)
    assert (bad.status, [problem.field for problem in bad.problems], kept.status) == ("rejected", [field], "created")
    assert bad.problems[0].message
    assert Product.objects.get().sku == "good"


def test_new_product_needs_a_name_and_a_known_one_does_not(at_acme: Retailer) -> None:
    bring(LOAF)
    new, known = bring({"sku": "GB-102", "price": 1}, {"sku": "GB-101", "price": 1})
    assert (new.status, new.problems[0].field, known.status) == ("rejected", "name", "updated")


def test_many_products_take_as_many_statements_as_one(at_acme: Retailer) -> None:
    with CaptureQueriesContext(connection) as one:
        bring(LOAF)
    many = [LOAF | {"sku": f"s{n}"} for n in range(1000)]
    with CaptureQueriesContext(connection) as thousand:
        assert set(statuses(*many)) == {"created"}
    assert len(statements.of(thousand)) == len(statements.of(one))


def test_file_is_imported_and_its_bad_rows_are_listed(at_acme: Retailer, tmp_path: Path) -> None:
    file = tmp_path / "products.csv.gz"
    rows = [
        "sku,name,price,currency,availability",
        "A,Loaf,4.20,GBP,in_stock",
        "B,Bun,cheap,GBP,",
        "C,Oat cake,,,preorder",
    ]
    file.write_bytes(gzip.compress("\n".join(rows).encode()))
    out = io.StringIO()
    call_command("import_products", "acme", file, json=True, stdout=out)
    summary = json.loads(out.getvalue())
    assert (summary["rows"], summary["created"], summary["rejected"]) == (3, 2, 1)
    assert "3,price: 'cheap' is not a decimal number" in Path(summary["rejects_path"]).read_text()
    assert list(Product.objects.order_by("sku").values_list("sku", "price", "availability")) == [
        ("A", Decimal("4.2"), "in_stock"), ("C", None, "preorder")
    ]  # fmt: skip
    out = io.StringIO()
    call_command("import_products", "acme", file, json=True, stdout=out)
    assert json.loads(out.getvalue())["unchanged"] == 2


def test_file_with_columns_that_products_do_not_have_is_refused_whole(at_acme: Retailer, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text("sku,name,.colour,attributes.size\nA,Loaf,brown,4\n")
    with pytest.raises(CommandError, match=r"'\.colour' is unknown.*'attributes\.size' is unknown.*Known: sku, name"):
        call_command("import_products", "acme", file)
    assert not Product.objects.exists()


def test_catalog_of_one_retailer_is_not_anothers(at_acme: Retailer, globex: Retailer) -> None:
    bring(LOAF)
    with context.in_retailer(globex):
        assert not Product.objects.exists()
        assert statuses(LOAF) == ["created"]


@pytest.mark.parametrize("banner", banners.banners(6), ids=lambda banner: banner.slug)
def test_demo_has_the_products_of_its_banner_once(at_acme: Retailer, banner: banners.Banner) -> None:
    fill.catalog(banner, now=timezone.now())
    made = list(Product.objects.order_by("sku").values())
    assert [(row["sku"], row["price"]) for row in made] == sorted(
        (product.sku, Decimal(product.cents) / 100) for product in banner.products
    )
    fill.catalog(banner, now=timezone.now())
    assert list(Product.objects.order_by("sku").values()) == made


texts = st.text(max_size=20) | st.none() | st.integers() | st.floats() | st.booleans() | st.lists(st.text(), max_size=2)
rows = st.dictionaries(st.sampled_from([*LOAF, "colour"]), texts, max_size=8)


@given(given=st.lists(rows | texts, max_size=6))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_anything_at_all_gets_one_result_per_row_and_settles(at_acme: Retailer, given: list[Any]) -> None:
    first = bring(*given)
    assert [each.index for each in first] == list(range(len(given)))
    again = bring(*given)
    assert {each.status for each in again} <= {"unchanged", "rejected"}
    assert [each.status == "rejected" for each in first] == [each.status == "rejected" for each in again]
