"""What the console calls things: a page, a list, an empty list, what is in use; and what a page costs."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from campaigns import policies
from campaigns.models import Product, Segment, Template
from tenants.models import Retailer
from tests import factories

pytestmark = pytest.mark.django_db


def said(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def title(response: Any) -> str:
    found = re.search(r"<title>(.*?)</title>", response.content.decode(), re.DOTALL)
    assert found
    return " ".join(found[1].split())


def test_a_page_is_called_by_what_it_shows(at_acme: Retailer, ana: Client) -> None:
    segment = factories.segment("leeds", {"attribute": "city", "eq": "Leeds"})
    assert title(ana.get("/admin/campaigns/segment/")) == "Segments | Acme Foods"
    assert title(ana.get("/admin/campaigns/segment/add/")) == "New segment | Acme Foods"
    assert title(ana.get(f"/admin/campaigns/segment/{segment.pk}/change/")) == "Leeds | Segment | Acme Foods"


def test_a_list_offers_to_show_all_only_where_it_hides_some(at_acme: Retailer, ana: Client) -> None:
    factories.customers(3)
    assert "Show all" not in ana.get("/admin/campaigns/customer/").content.decode()
    assert "Show all" in ana.get("/admin/campaigns/customer/?q=c1").content.decode()


def test_an_empty_catalog_leads_to_the_import(at_acme: Retailer, ana: Client) -> None:
    page = ana.get("/admin/campaigns/product/").content.decode()
    assert "Import a file, or send them to the API." in page
    assert 'href="/admin/campaigns/import/add/"' in page


def test_no_column_of_the_catalog_is_called_select_record(at_acme: Retailer, ana: Client) -> None:
    Product.objects.create(sku="A-1", name="Apples")
    page = ana.get("/admin/campaigns/product/").content.decode()
    assert "Select record" not in page
    assert 'data-label="SKU"' in page


def test_menu_and_page_call_a_list_the_same(at_acme: Retailer, ana: Client) -> None:
    for path, name in (("accounts/user", "People"), ("accounts/auditentry", "Audit trail")):
        assert title(ana.get(f"/admin/{path}/")) == f"{name} | Acme Foods"


def test_a_template_in_use_says_by_what_and_offers_no_deleting(at_acme: Retailer, ana: Client) -> None:
    campaign = factories.campaign()
    used, unused = Template.objects.get(key="hello"), factories.template("other")
    page = ana.get(f"/admin/campaigns/template/{used.pk}/change/").content.decode()
    assert "/delete/" not in page
    assert f'href="/admin/campaigns/campaign/{campaign.pk}/change/">Welcome</a>: what you save here' in page
    other = ana.get(f"/admin/campaigns/template/{unused.pk}/change/").content.decode()
    assert "/delete/" in other
    assert "Used by" not in other


def test_a_segment_in_use_offers_no_deleting(at_acme: Retailer, ana: Client) -> None:
    used = factories.segment("leeds", {"attribute": "city", "eq": "Leeds"})
    unused = factories.segment("york", {"attribute": "city", "eq": "York"})
    factories.campaign(audience={"include": {"segment": "leeds"}})
    assert "/delete/" not in ana.get(f"/admin/campaigns/segment/{used.pk}/change/").content.decode()
    assert "/delete/" in ana.get(f"/admin/campaigns/segment/{unused.pk}/change/").content.decode()
    refused = ana.post(f"/admin/campaigns/segment/{used.pk}/delete/", {"post": "yes"})
    assert said(refused) == "The segment “Leeds” is in use by the campaign “Welcome” (welcome): change that first."
    assert Segment.objects.filter(pk=used.pk).exists()


def test_the_audience_is_told_by_the_name_of_its_segments(at_acme: Retailer, ana: Client) -> None:
    factories.customers(2, city="Leeds")
    factories.segment("leeds", {"attribute": "city", "eq": "Leeds"})
    factories.segment("staff", {"attribute": "email", "contains": "acme"})
    audience = {"include": {"segment": "leeds"}, "exclude": {"segment": "staff"}}
    campaign = factories.campaign(audience=audience)
    for name in ("audience", "launch"):
        page = ana.get(f"/admin/campaigns/campaign/{campaign.pk}/{name}/").content.decode()
        assert "Leeds: everyone whose city is Leeds." in page
        assert "Staff: everyone whose e-mail address contains acme." in page
        assert "Tried on 2 of these people: each message can be made." in page


def test_the_footer_that_a_policy_asks_for_is_told_in_words(at_acme: Retailer, ana: Client) -> None:
    policies.save(at_acme, policy={"footer": ["unsubscribe_url", "brand.postal_address"]})
    page = ana.get("/admin/policy/").content.decode()
    assert "a link to unsubscribe" in page
    assert "brand.postal_address," not in page


@pytest.mark.parametrize("page", ["audience", "launch"])
def test_a_pre_flight_page_reads_the_policy_once(
    at_acme: Retailer, ana: Client, django_assert_max_num_queries: Any, page: str
) -> None:
    """Other campaigns cost a question each, and nothing else is asked again for them."""
    factories.customers(3)
    campaign = factories.campaign()
    ana.get(f"/admin/campaigns/campaign/{campaign.pk}/{page}/")  # what a process remembers is remembered now
    with django_assert_max_num_queries(76) as asked:  # about half of them select the schema
        ana.get(f"/admin/campaigns/campaign/{campaign.pk}/{page}/")
    assert sum('FROM "tenants_layer"' in query["sql"] for query in asked.captured_queries) == 1


def test_what_goes_is_said_before_it_goes(at_acme: Retailer, ana: Client) -> None:
    segment = factories.segment("leeds", {"attribute": "city", "eq": "Leeds"})
    asked = ana.get(f"/admin/campaigns/segment/{segment.pk}/delete/").content.decode()
    assert "Delete Leeds?" in asked
    assert "Nobody in it is touched: only the rule goes." in asked
    ana.post(f"/admin/campaigns/segment/{segment.pk}/delete/", {"post": "yes"})
    assert not Segment.objects.exists()


def test_erasing_says_what_goes_and_what_stays(at_acme: Retailer, ana: Client) -> None:
    [customer] = factories.customers(1)
    asked = ana.get(f"/admin/campaigns/customer/{customer.pk}/delete/").content.decode()
    assert f"Erase {customer}?" in asked
    assert "Whoever was suppressed or took consent back stays suppressed." in asked
