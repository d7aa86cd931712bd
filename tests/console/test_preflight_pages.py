"""The pages that say what a launch would come to, what differed, and why somebody got it or not."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from campaigns import configuration, policies
from campaigns.models import Customer, Run
from delivery import pipeline
from delivery.channels.memory import MemoryChannel
from delivery.models import Preflight
from tenants.models import Retailer
from tests import factories

EMAIL = {"key": "first", "channel": "email", "template": "hello"}


def text(page: Any) -> str:
    assert page.status_code == 200, page.status_code
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.content.decode())).split())


@pytest.mark.parametrize("page", ["audience", "launch"])
def test_a_launch_is_shown_before_it_happens(
    at_acme: Retailer, ana: Client, page: str, django_assert_max_num_queries: Any
) -> None:
    policies.save(at_acme, policy={"max_per_day": 4, "per_customer": [{"messages": 1, "per": "7d"}]})
    factories.customers(9)
    factories.customers(1, first=10, first_name="")
    factories.template("second", subject="Dear {{ customer.first_name }}")
    at = (timezone.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%S")
    configuration.publish(
        factories.campaign("soon", name="Soon", trigger={"kind": "schedule", "at": at}), now=timezone.now()
    )
    second = {**EMAIL, "key": "later", "template": "second", "after": {"step": "first", "delay": "8d"}}
    campaign = factories.campaign(steps=[EMAIL, second])
    with django_assert_max_num_queries(150):  # about half of them select the schema
        shown = text(ana.get(f"/admin/campaigns/campaign/{campaign.pk}/{page}/"))
    assert "Everyone." in shown
    assert "Whom each step reaches" in shown
    assert "later email everybody included 10" in shown
    assert "At most 4 messages a day, and 0 of today's are used" in shown
    assert "Soon The limits would hold back 10 of that campaign's people." in shown
    assert "1 would get nothing of step later, variant a: no value for customer.first_name. Such as c10." in shown
    assert Preflight.objects.get().by == "ana@acme.example" or Preflight.objects.get().by


def test_a_runs_page_holds_it_against_its_preflight(at_acme: Retailer, ana: Client, outbox: MemoryChannel) -> None:
    factories.customers(4)
    campaign = factories.campaign()
    ana.get(f"/admin/campaigns/campaign/{campaign.pk}/launch/")
    Customer.objects.update(updated_at=timezone.now() - timedelta(days=1))
    factories.customers(2, first=5)
    run = configuration.launch(campaign, by="test", now=timezone.now())
    pipeline.work(seconds=20)
    shown = text(ana.get(f"/admin/campaigns/run/{run.pk}/change/", follow=True))
    assert "Against the pre-flight" in shown
    assert "Included 4 6 +2" in shown
    assert "2 people: added since" in shown
    assert "Why did or didn't somebody get it?" in shown


def test_somebody_is_explained_on_a_page_linked_from_theirs(
    at_acme: Retailer, ana: Client, outbox: MemoryChannel
) -> None:
    factories.customers(1)
    factories.customers(1, first=2, consent_email=False)
    campaign = factories.campaign()
    configuration.launch(campaign, by="test", now=timezone.now())
    pipeline.work(seconds=20)
    customer = Customer.objects.get(external_id="c2")
    linked = ana.get(f"/admin/campaigns/customer/{customer.pk}/change/").content.decode()
    assert "/admin/campaigns/run/explain/?customer=c2" in linked
    shown = text(ana.get("/admin/campaigns/run/explain/?customer=c2"))
    assert "would not get it" in shown
    assert "No consent for the channel has not agreed to email" in shown
    run = Run.objects.get()
    shown = text(ana.get(f"/admin/campaigns/run/explain/?customer=c1&campaign=welcome&run={run.pk}"))
    assert "would get it" in shown
    assert "Was included." in shown
    assert "answered accepted" in shown


def test_whoever_is_not_known_is_told(at_acme: Retailer, ana: Client) -> None:
    assert "There is no campaign yet to ask about." in text(ana.get("/admin/campaigns/run/explain/"))
    factories.campaign()
    assert "There is no customer nobody" in text(ana.get("/admin/campaigns/run/explain/?customer=nobody"))
    assert ana.get("/admin/campaigns/run/explain/?customer=c1&campaign=nope").status_code == 404
    assert ana.get("/admin/campaigns/run/explain/?customer=c1&run=%C2%B2").status_code == 200
