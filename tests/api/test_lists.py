"""What holds for every list: pages that cost the same, and cursors that cannot be made up."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from campaigns import (
    attachments,
    attributes,
    configuration,
    consents,
    content,
    ingest,
    policies,
    reviews,
    suppressions,
)
from campaigns.importing import bringing
from campaigns.models import Campaign, Customer, SeedList, Template
from delivery import notices, pipeline, subscriptions
from delivery.models import Message, Subscription
from tenants import context
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api, problem
from tests.api.routes import routes

EACH = 6


@pytest.fixture
def run(acme: Retailer, settings: Settings, own_storage: None) -> int:
    """Six rows in every list; the id of a run with six messages."""
    settings.EMAIL_URL = "memory://lists"
    policies.save(None, policy={"attachments": {"types": ["pdf"]}})
    with context.in_retailer(acme):
        factories.customers(EACH)
        made = [_fill(n) for n in range(EACH)]
        pipeline.work(seconds=30, retailer=acme)
        Message.objects.filter(run_id=made[0]).update(state="unknown")
    return made[0]


def _fill(n: int) -> int:
    now = timezone.now()
    hello = Template.objects.filter(key="hello").first() or factories.template()
    hello.subject = f"Version {n}"
    hello.save()
    content.publish(hello)
    factories.template(f"t{n}")
    factories.segment(f"s{n}", {"all": []})
    attachments.keep(f"f{n}.pdf", b"%%PDF-1.7 %d %%%%EOF" % n)
    hook = Subscription.objects.filter(key="crm").first()
    notices.test(
        context.current(),
        hook or subscriptions.save({"key": "crm", "url": "https://crm.example/", "events": ["run.paused"]})[0],
    )
    SeedList.objects.create(key=f"l{n}", name=f"List {n}", addresses=[f"a{n}@example.test"])
    attributes.declare(f"a{n}", type="text")
    suppressions.put(channel="email", address=f"s{n}@example.test", reason="manual", source="")
    ingest.upsert_products([{"sku": f"p{n}", "name": f"Product {n}"}], now=now)
    bringing.bring(ContentFile(b"id,email\nc1,c1@example.test\n", name="c.csv"), kind="customers", by="test")
    said = consents.Statement("sms", "", bool(n % 2), now - timedelta(days=n))
    consents.say(Customer.objects.get(external_id="c1"), [said], by="test")
    everything = Campaign.objects.filter(key="c0").first()
    versioned = configuration.save_draft(factories.config("c0", name=f"Version {n}"), campaign=everything)
    reviews.submit(versioned, now=now)
    reviews.send_back(versioned, now=now)
    configuration.publish(versioned, now=now)
    campaign = factories.campaign(f"c{n}") if n else versioned
    return configuration.launch(campaign, by="test", now=now).pk


def lists(run: int) -> list[str]:
    addresses = {"campaigns/<slug:key>/versions/": "campaigns/c0/versions/"}
    addresses |= {"templates/<slug:key>/versions/": "templates/hello/versions/"}
    addresses |= {"campaigns/<slug:key>/reviews/": "campaigns/c0/reviews/"}
    addresses |= {"customers/<path:external_id>/consents/": "customers/c1/consents/"}
    addresses |= {"webhooks/<slug:key>/deliveries/": "webhooks/crm/deliveries/"}
    addresses |= {"runs/<int:pk>/unknowns/": f"runs/{run}/unknowns/"}
    addresses |= {"runs/<int:pk>/messages/": f"runs/{run}/messages/"}
    found = [route.path for route in routes() if hasattr(route.view, "filters")]
    return [addresses.get(path, path) for path in found]


def test_every_list_costs_the_same_queries_however_many_rows(api: Api, run: int) -> None:
    api.get("customers/")  # notes the key's use, once a minute
    costs = {}
    for path in lists(run):
        for limit in (1, EACH):
            with CaptureQueriesContext(connection) as queries:
                assert len(api.get(f"{path}?limit={limit}").json()["results"]) == limit, path
            costs[path, limit] = len(queries)
    assert len(costs) == 2 * 19
    assert {path: cost for (path, limit), cost in costs.items() if limit == 1} == {
        path: cost for (path, limit), cost in costs.items() if limit == EACH
    }
    assert max(costs.values()) <= 10  # with finding the retailer, entering its schema, and the key


def test_every_list_goes_page_by_page_through_all_its_rows(api: Api, run: int) -> None:
    for path in lists(run):
        whole = api.get(path).json()
        address, rows = f"{path}?limit=4", []
        while address:
            page = api.get(address).json()
            rows += page["results"]
            address = page["next"]
        assert rows == whole["results"], path
        assert len(rows) >= EACH, path
        assert whole["next"] is None, path


@pytest.mark.parametrize("cursor", ["x", "", "MTI", "LTE", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "%00", "ééé", "MQ==%27"])
def test_cursor_made_up_is_refused_or_finds_nothing(api: Api, cursor: str) -> None:
    response = api.get(f"customers/?cursor={cursor}")
    if cursor == "MTI":
        assert response.json() == {"results": [], "next": None}
    else:
        assert problem(response)[0] == 400


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "many", "", "1e2", "٣", "9" * 40])
def test_limit_out_of_bounds_is_refused(api: Api, limit: str) -> None:
    assert problem(api.get(f"customers/?limit={limit}")) == (400, [("limit", "invalid")])
