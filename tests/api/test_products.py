"""The catalog by API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenants.accounts.models import Scope
from tenants.models import Retailer
from tests.api.caller import Api, problem
from tests.campaigns.test_products import LOAF

BUN = {"sku": "buns/1", "name": "Cardamom bun", "category": "bakery", "availability": "out_of_stock"}
WINE = {"sku": "W1", "name": "Orange wine", "category": "wine", "price": 15.5, "currency": "GBP"}


def skus(response: Any) -> list[str]:
    return [row["sku"] for row in response.json()["results"]]


def test_bulk_keeps_the_good_rows_and_names_the_bad_ones(api: Api) -> None:
    response = api.post("products/bulk/", {"products": [LOAF, WINE | {"price": -1}, "nothing"]})
    first, second, third = response.json()["results"]
    assert first == {"index": 0, "id": "GB-101", "status": "created", "errors": []}
    assert (second["id"], second["status"], second["errors"][0]["field"]) == ("W1", "rejected", "price")
    assert third["status"] == "rejected"
    assert response.json()["counts"] == {"created": 1, "rejected": 2}


def test_bulk_takes_a_thousand_rows_and_not_one_more(api: Api) -> None:
    rows = [{"sku": f"s{n}", "name": "Thing"} for n in range(1001)]
    assert api.post("products/bulk/", rows[:1000]).json()["counts"] == {"created": 1000}
    assert problem(api.post("products/bulk/", {"products": rows})) == (400, [("products", "rows")])


def test_list_is_filtered_and_searched(api: Api) -> None:
    api.post("products/bulk/", [LOAF, BUN, WINE])
    assert skus(api.get("products/")) == ["GB-101", "buns/1", "W1"]
    assert skus(api.get("products/?category=bakery")) == ["GB-101", "buns/1"]
    assert skus(api.get("products/?category=bakery&availability=out_of_stock")) == ["buns/1"]
    assert skus(api.get("products/?sku=W1")) == ["W1"]
    assert skus(api.get("products/?search=CARDAMOM")) == ["buns/1"]
    assert problem(api.get("products/?colour=red")) == (400, [("colour", "unknown")])


def test_one_is_told_changed_and_taken_out(api: Api) -> None:
    api.post("products/bulk/", [BUN])
    told = api.get("products/buns/1/").json()
    assert told | {"created_at": "", "updated_at": ""} == {
        "url": "", "image_url": "", "price": None, "currency": "", "created_at": "", "updated_at": "", **BUN
    }  # fmt: skip
    changed = api.patch("products/buns/1/", {"price": "5.4", "image_url": "https://img.example/bun.png"})
    assert (changed.status_code, changed.json()["price"], changed.json()["name"]) == (200, "5.4000", "Cardamom bun")
    assert problem(api.patch("products/buns/1/", {"price": "-1"})) == (400, [("price", "invalid")])
    assert problem(api.patch("products/buns/1/", {"sku": "other"})) == (400, [("sku", "immutable")])
    assert problem(api.patch("products/none/", {"name": "Nothing"}))[0] == 404
    assert api.delete("products/buns/1/").status_code == 204
    assert problem(api.get("products/buns/1/"))[0] == problem(api.delete("products/buns/1/"))[0] == 404


def test_key_for_ingest_brings_products_and_takes_none_out(acme: Retailer, api_of: Callable[..., Api]) -> None:
    ingest = api_of(acme, Scope.INGEST)
    assert ingest.post("products/bulk/", [LOAF]).status_code == 200
    assert ingest.patch("products/GB-101/", {"price": 3}).status_code == 200
    assert ingest.delete("products/GB-101/").status_code == 403


def test_other_retailer_has_none_of_them(api: Api, globex: Retailer, api_of: Callable[..., Api]) -> None:
    api.post("products/bulk/", [LOAF])
    other = api_of(globex)
    assert skus(other.get("products/")) == []
    assert other.get("products/GB-101/").status_code == 404
    assert other.delete("products/GB-101/").status_code == 404
