"""Which products suit whom: by what a person bought, by what sells, and only what can be bought."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import configuration, ingest, recommendations
from campaigns.models import Customer, Event, Popularity, Product, ProductPast, Run
from delivery import pipeline, previews
from delivery.channels.memory import MemoryChannel
from delivery.models import Message
from tenants.models import Retailer
from tests import factories
from tests.mails import LEAVE, for_anybody

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SHELVES = {"wine": ["rioja", "merlot", "malbec"], "cheese": ["brie", "cheddar", "gouda"], "bread": ["rye"]}


@pytest.fixture
def catalog(at_acme: Retailer) -> None:
    Product.objects.bulk_create(
        Product(sku=sku, name=sku.title(), category=shelf, url=f"https://acme.example/{sku}", price="9.5")
        for shelf, skus in SHELVES.items()
        for sku in skus
    )


def bought(customer: Customer, *skus: str, ago: timedelta = timedelta(days=3), name: str = "order") -> None:
    shelf = {sku: shelf for shelf, skus in SHELVES.items() for sku in skus}
    factories.happened(
        Event(
            event_id=f"{customer.pk}-{name}-{sku}-{ago}",
            customer=customer,
            name=name,
            occurred_at=NOW - ago,
            properties={"sku": sku, "category": shelf[sku]},
        )
        for sku in skus
    )


def shown(customer: Customer, **more: Any) -> list[str]:
    picks = recommendations.pick([customer.pk], run=None, **{"now": NOW, **more})
    return [product["sku"] for product in picks.for_customer(customer.pk)]


def test_people_see_what_sells_on_the_shelves_they_buy_from(catalog: None) -> None:
    ana, ben, *others = factories.customers(8)
    for other in others[:4]:
        bought(other, "brie", "rye")
    for other in others[4:]:
        bought(other, "malbec")
    bought(ana, "rioja", ago=timedelta(days=100))
    bought(ben, "cheddar", ago=timedelta(days=100))

    assert shown(ana)[:2] == ["malbec", "merlot"]
    assert shown(ben)[0] == "brie"
    assert shown(Customer(pk=0))[:2] == ["brie", "rye"]


def test_an_order_says_more_than_a_view_and_lately_more_than_long_ago(catalog: None) -> None:
    ana, ben = factories.customers(2)
    bought(ana, "gouda", name="view")
    bought(ana, "rioja", ago=timedelta(days=61))
    bought(ben, "gouda", ago=timedelta(days=61))
    bought(ben, "rioja", ago=timedelta(days=300))
    assert shown(ana)[0] in SHELVES["wine"]
    assert shown(ben)[0] in SHELVES["cheese"]


def test_what_somebody_has_and_what_nobody_can_buy_is_left_out(catalog: None) -> None:
    [ana] = factories.customers(1)
    bought(ana, "rioja")
    Product.objects.filter(sku="merlot").update(availability="out_of_stock")
    Product.objects.filter(sku="rye").update(availability="discontinued")
    assert shown(ana)[0] == "malbec"
    assert not {"rioja", "merlot", "rye"} & set(shown(ana))


def test_all_people_of_a_batch_cost_one_query(catalog: None) -> None:
    ids = [each.pk for each in factories.customers(50)]
    recommendations.count_once(NOW)
    with CaptureQueriesContext(connection) as of_one:
        recommendations.pick(ids[:1], run=None, now=NOW)
    with CaptureQueriesContext(connection) as of_all:
        picks = recommendations.pick(ids, run=None, now=NOW)
    assert len(picks.of) == 50
    assert len(of_all) == len(of_one)


def test_what_the_people_of_a_run_buy_goes_before_what_everybody_does(
    catalog: None, at_acme: Retailer, outbox: MemoryChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recommendations.popularity, "TOO_FEW", 2)
    everybody, friends = factories.customers(6), factories.customers(3, first=10, city="York")
    for each in everybody:
        bought(each, "brie")
    for each in friends:
        bought(each, "malbec", ago=timedelta(days=20))
    [newcomer] = factories.customers(1, first=20, city="York")
    run = configuration.launch(
        factories.campaign(audience={"include": {"attribute": "city", "eq": "York"}}), by="test", now=timezone.now()
    )
    pipeline.work(seconds=30)

    def first(run: Run | None) -> str:
        return str(recommendations.pick([newcomer.pk], run=run, now=NOW).for_customer(newcomer.pk)[0]["sku"])

    assert (first(None), first(run)) == ("brie", "malbec")


def test_a_message_shows_them_and_shows_the_same_again(catalog: None, at_acme: Retailer, outbox: MemoryChannel) -> None:
    listed = "{% for product in products[:2] %}<a href='{{ product.url }}'>{{ product.name }}</a>{% endfor %}"
    factories.template(html=f"<html><body>{listed}{factories.OUT}</body></html>")
    factories.customers(3)
    configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.work(seconds=30)

    shown = {mail.recipient: for_anybody(mail.html) for mail in outbox.sent}["c1@example.test"]
    assert shown.count("<a href=") == 3
    named = re.findall(r">(\w+)</a>", shown)
    Product.objects.create(sku="a-newer", name="A newer", category="wine")
    message = Message.objects.order_by("pk").first()
    assert message
    again = previews.of_message(message).rendered
    assert again
    assert re.findall(r">(\w+)</a>", again.html) == named
    assert "/t/c/" in shown
    assert "/t/c/" not in again.html, "nobody clicks by a look at the past"
    assert LEAVE in shown
    assert again.html.endswith('<a href="#">Unsubscribe</a></body></html>'), "nor is anybody unsubscribed by it"

    recommendations.tidy(now=timezone.now() + timedelta(days=200))
    assert "120 days" in previews.of_message(message).problem
    assert Popularity.objects.count() == 0, "nothing is counted for a look at the past"


def test_a_message_is_shown_with_the_prices_and_the_stock_it_was_sent_with(
    catalog: None, at_acme: Retailer, outbox: MemoryChannel
) -> None:
    listed = "{% for product in products[:2] %}<p>{{ product.name }} {{ product.price }}</p>{% endfor %}"
    factories.template(html=f"<html><body>{listed}{factories.OUT}</body></html>")
    factories.customers(1)
    configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.work(seconds=30)
    [mail] = outbox.sent
    first, second = re.findall(r"<p>(\w+) 9.5</p>", mail.html)

    change = [
        {"sku": first.lower(), "price": "1.25", "name": "Renamed"},
        {"sku": second.lower(), "availability": "out_of_stock"},
    ]
    ingest.upsert_products(change, now=timezone.now())
    ingest.upsert_products([{"sku": first.lower(), "price": "0.99"}], now=timezone.now())
    ingest.upsert_products(change[1:], now=timezone.now())

    again = previews.of_message(Message.objects.get()).rendered
    assert again
    assert again.html == for_anybody(mail.html).replace(LEAVE, "#")
    assert ProductPast.objects.count() == 3, "what changed nothing is no past"
    now = recommendations.pick([], run=None, now=timezone.now()).popular
    assert second not in [product["name"] for product in now]
    assert {product["price"] for product in now if product["name"] == "Renamed"} == {0.99}
    recommendations.tidy(now=timezone.now() + timedelta(days=200))
    assert not ProductPast.objects.exists()


def test_counts_are_kept_for_a_while(catalog: None) -> None:
    recommendations.count_once(NOW)
    recommendations.count_once(NOW)
    assert Popularity.objects.count() == 7
    assert recommendations.is_kept(NOW)
    assert recommendations.tidy(now=NOW + timedelta(days=60)) == 0
    assert recommendations.tidy(now=NOW + timedelta(days=200)) == 7
    assert not recommendations.is_kept(NOW)


def test_what_comes_to_nothing_is_counted_once_too(at_acme: Retailer) -> None:
    """Too few orders of a run's people, or nothing in the catalog at all."""
    factories.customers(1)
    run = configuration.launch(factories.campaign(), by="test", now=timezone.now())
    recommendations.count_once(NOW, run)
    with CaptureQueriesContext(connection) as asked:
        recommendations.count_once(NOW, run)
    assert Popularity.objects.count() == 0
    assert not [query for query in asked if "campaigns_event" in query["sql"]]
