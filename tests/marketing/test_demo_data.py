"""The demo's retailers: real enough to show, and the same every time."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from html import unescape
from typing import Any

import phonenumbers
import pytest

from campaigns import configuration, content, ingest, language, publishing
from campaigns.config import gate
from campaigns.models import Segment, Template
from marketing.demo import banners, people
from marketing.demo.banners import Banner
from tenants import context
from tenants.models import Retailer

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BANNERS = banners.banners(6)
every_banner = pytest.mark.parametrize("banner", BANNERS, ids=[banner.slug for banner in BANNERS])


def rows(banner: Banner, *, customers: int = 400, seed: int = 1) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    made, events = people.generate(banner, customers=customers, seed=seed, now=NOW)
    return list(made), list(events)


def variants(banner: Banner) -> list[dict[str, Any]]:
    return [variant for step in banner.campaign["steps"] for variant in step["variants"]]


def test_retailers_beyond_the_sixth_are_branches_with_an_identity_of_their_own() -> None:
    many = banners.banners(14)

    assert len({banner.slug for banner in many}) == len({banner.brand["from_email"] for banner in many}) == 14
    assert (many[6].slug, many[12].name) == ("green-basket-2", "Green Basket 3")
    assert many[6].brand["website"] == "https://www.green-basket-2.example"
    assert banners.banners(3) == many[:3]


@every_banner
def test_the_same_arguments_give_the_same_bytes(banner: Banner) -> None:
    assert json.dumps(rows(banner)) == json.dumps(rows(banner))
    assert rows(banner)[0] != rows(banner, seed=2)[0]


@every_banner
def test_more_customers_leave_the_first_as_they_were(banner: Banner) -> None:
    few, few_events = rows(banner, customers=50)
    many, many_events = rows(banner, customers=80)

    assert many[:50] == few
    assert many_events[: len(few_events)] == few_events


@every_banner
def test_people_have_addresses_like_people(banner: Banner) -> None:
    customers, _ = rows(banner, customers=2000)
    addresses = [customer["email"] for customer in customers if customer["email"]]

    assert all(address.isascii() and address.endswith(".example") for address in addresses)
    assert 0.95 < len(addresses) / 2000 < 0.99
    assert 10 < len(addresses) - len(set(addresses)) < 60
    assert 0.90 < sum(customer["consent_email"] for customer in customers) / 2000 < 0.94
    assert any(not customer["first_name"].isascii() for customer in customers)
    numbers = [phonenumbers.parse(customer["phone"]) for customer in customers if customer["phone"]]
    assert all(map(phonenumbers.is_possible_number, numbers))


@every_banner
def test_most_buyers_are_rare_and_a_few_are_loyal(banner: Banner) -> None:
    _, events = rows(banner, customers=2000)
    orders = Counter(event["external_id"] for event in events if event["name"] == "order")
    returns = [event for event in events if event["name"] == "return"]
    days = [(NOW - datetime.fromisoformat(event["occurred_at"])).days for event in events]

    once, often = sum(count == 1 for count in orders.values()), sum(count >= 8 for count in orders.values())

    assert once > 0.25 * len(orders)
    assert often > 0.04 * len(orders)
    assert 0.02 < len(returns) / orders.total() < 0.06
    assert 0 <= min(days) < 3
    assert 500 < max(days) <= people.HISTORY_DAYS


@every_banner
def test_events_belong_to_customers_and_name_products_of_the_catalogue(banner: Banner) -> None:
    customers, events = rows(banner)
    skus = {product.sku: product.category for product in banner.products}

    assert {event["external_id"] for event in events} <= {customer["external_id"] for customer in customers}
    assert len({event["event_id"] for event in events}) == len(events)
    assert all(skus[event["properties"]["sku"]] == event["properties"]["category"] for event in events)
    assert {event["currency"] for event in events} == {banner.currency}
    assert len(skus) == 30


@every_banner
def test_rules_and_campaigns_pass_the_gate(banner: Banner) -> None:
    config = gate.parse_campaign(banner.campaign)

    for segment in banner.segments.values():
        gate.parse_rule(segment["rule"])

    assert banner.campaign["audience"]["include"] == {"segment": next(iter(banner.segments))}
    assert [step.template for step in config.steps] == [banner.template["key"]]
    assert all(len(step.variants) == 2 for step in config.steps)


@every_banner
def test_templates_have_no_mistakes_and_variants_fill_every_slot(banner: Banner) -> None:
    for variant in variants(banner):
        for source in (
            banner.template["html"],
            banner.template["text"],
            banner.template["preheader"],
            variant["subject"],
        ):
            assert language.mistakes(source, content=variant["content"]) == []


@every_banner
@pytest.mark.parametrize("known", [True, False], ids=["a known customer", "a customer with blanks"])
def test_templates_render_for_everyone(banner: Banner, known: bool) -> None:
    details = {
        "first_name": "Zoë <3",
        "city": banner.cities[0].name,
        "country": banner.cities[0].country,
        "locale": "fr",
    }
    attributes = {"tier": "gold", "loyalty_points": 120, "pet": "Luna", "member_since": 2024}
    customer = details | {"attributes": attributes} if known else {"attributes": {}}

    for variant in variants(banner):
        html, text, subject = render(banner, variant, customer)

        assert "https://u.example/x" in unescape(html)
        assert "https://u.example/x" in text
        assert ("Zoë &lt;3" in html) is known
        assert max(len(line.encode()) for line in html.splitlines()) < 998
        assert "\n" not in subject


def render(banner: Banner, variant: dict[str, Any], customer: dict[str, Any]) -> list[str]:
    """The HTML, the text and the subject of one message."""
    html, problems = publishing.html(banner.template["html"], banner.template["source_format"])
    assert problems == []
    sources = {"html": html, "text": banner.template["text"], "subject": variant["subject"]}
    environment = language.environment(**sources)
    values = {
        "customer": customer,
        "brand": banner.brand,
        "content": variant["content"],
        "unsubscribe_url": "https://u.example/x",
        "preferences_url": "https://p.example/x",
    }
    return [environment.render_template(name, **values) for name in sources]


@every_banner
def test_a_retailer_made_from_a_banner_can_launch_its_campaign(banner: Banner, acme: Retailer) -> None:
    customers, events = rows(banner, customers=200)

    with context.in_retailer(acme):
        taken = ingest.upsert_customers(customers, now=NOW) + ingest.add_events(events, now=NOW, zone=UTC)
        Segment.objects.bulk_create(Segment(key=key, **segment) for key, segment in banner.segments.items())
        content.publish(Template.objects.create(**banner.template))
        campaign = configuration.save_draft(banner.campaign)
        problems = configuration.check(gate.parse_campaign(campaign.draft), as_of=NOW)

    assert {result.status for result in taken} == {"created"}
    assert problems == []
