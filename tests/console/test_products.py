"""The catalog's pages."""

from __future__ import annotations

from django.test import Client
from django.utils import timezone

from campaigns import ingest
from campaigns.models import Product
from tenants.models import Retailer
from tests.campaigns.test_products import LOAF

LIST = "/admin/campaigns/product/"


def names(ana: Client, query: str) -> list[str]:
    return [each.name for each in ana.get(f"{LIST}{query}").context["cl"].result_list]


def test_products_are_listed_searched_and_filtered(at_acme: Retailer, ana: Client) -> None:
    wine = {"sku": "W1", "name": "Orange wine", "category": "wine", "availability": "preorder"}
    ingest.upsert_products([LOAF, wine], now=timezone.now())
    page = ana.get(LIST).content.decode()
    assert 'src="https://img.example/loaf.png"' in page
    assert "4.20 GBP" in page
    assert names(ana, "") == ["Orange wine", "Sourdough loaf"]
    assert names(ana, "?q=sour") == ["Sourdough loaf"]
    assert names(ana, "?q=W1") == ["Orange wine"]
    assert names(ana, "?availability__exact=preorder") == ["Orange wine"]


def test_page_shows_the_product_and_offers_nothing_to_change(at_acme: Retailer, ana: Client) -> None:
    ingest.upsert_products([LOAF | {"url": 'https://shop.example/?a="><b>'}], now=timezone.now())
    page = ana.get(f"{LIST}{Product.objects.get().pk}/change/").content.decode()
    assert 'href="https://shop.example/?a=&quot;&gt;&lt;b&gt;"' in page
    assert 'name="_save"' not in page
    assert ana.post(f"{LIST}{Product.objects.get().pk}/delete/", {"post": "yes"}).status_code == 403


def test_empty_catalog_says_how_products_come(at_acme: Retailer, ana: Client) -> None:
    assert "Import a file" in ana.get(LIST).content.decode()
