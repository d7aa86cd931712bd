"""A customer's timeline, by API."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from campaigns import configuration, consents, suppressions
from campaigns.consents import Statement
from campaigns.models import Event
from delivery import pipeline, timeline
from delivery.channels.memory import MemoryChannel
from tenants import context
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api, problem

PATH = "customers/c1/timeline/"


def test_it_tells_everything_newest_first_a_page_at_a_time(api: Api, acme: Retailer, outbox: MemoryChannel) -> None:
    now = timezone.now()
    with context.in_retailer(acme):
        [customer] = factories.customers(1)
        factories.happened(
            Event(event_id=f"o{n}", customer=customer, name="order", value=n, occurred_at=now - timedelta(days=n))
            for n in range(1, timeline.PAGE + 6)
        )
        configuration.launch(factories.campaign(), by="test", now=now)
        pipeline.work(seconds=20)
        yes = Statement("email", "", True, now - timedelta(hours=1), "till 4", "May we write to you?")
        consents.say(customer, [yes], by="test")
        suppressions.add(channel="email", address=customer.email, reason="manual", source="test")
    first = api.get(PATH).json()
    second = api.get(first["next"]).json()
    entries = [*first["results"], *second["results"]]
    assert second["next"] is None
    assert [entry["at"] for entry in entries] == sorted((entry["at"] for entry in entries), reverse=True)
    kinds = [entry["kind"] for entry in entries]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "suppression": 1, "message": 1, "consent": 1, "event": timeline.PAGE + 5
    }  # fmt: skip
    assert next(entry for entry in entries if entry["kind"] == "consent")["proof"] == "May we write to you?"
    assert next(entry for entry in entries if entry["kind"] == "message")["state"] == "accepted"
    only = api.get(f"{PATH}?show=consents").json()["results"]
    assert [entry["kind"] for entry in only] == ["consent"]


def test_what_is_not_known_is_named(api: Api, acme: Retailer, globex: Retailer) -> None:
    with context.in_retailer(globex):
        factories.customers(1, first=7)
    with context.in_retailer(acme):
        factories.customers(1)
    assert problem(api.get(f"{PATH}?show=everything")) == (400, [("show", "unknown")])
    assert api.get("customers/c7/timeline/").status_code == 404
