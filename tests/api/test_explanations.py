"""Why one person gets a campaign's messages, by API."""

from __future__ import annotations

from django.utils import timezone

from campaigns import configuration
from delivery import pipeline
from delivery.channels.memory import MemoryChannel
from tenants import context
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api, problem

PATH = "customers/c1/explain/"


def test_it_tells_the_verdict_the_checks_and_what_became_of_it(api: Api, acme: Retailer, outbox: MemoryChannel) -> None:
    with context.in_retailer(acme):
        factories.customers(2)
        run = configuration.launch(factories.campaign(), by="test", now=timezone.now())
        pipeline.work(seconds=20)
    told = api.get(f"{PATH}?campaign=welcome").json()
    assert (told["external_id"], told["campaign"], told["run"]) == ("c1", "welcome", None)
    assert told["verdict"] == {"is_candidate": True, "included": True, "reason": "", "words": "Included."}
    assert [check["reason"] for check in told["checks"]][:2] == ["excluded_by_rule", "too_soon"]
    assert told["runs"][0]["messages"][0]["state"] == "accepted"
    asked = api.get(f"{PATH}?campaign=welcome&run={run.pk}").json()
    assert (asked["run"], asked["version"]) == (run.pk, 1)


def test_what_is_not_known_is_named(api: Api, acme: Retailer, globex: Retailer) -> None:
    with context.in_retailer(acme):
        factories.customers(1)
        factories.campaign()
    with context.in_retailer(globex):
        factories.campaign("theirs")
        factories.customers(1, first=7)
    assert problem(api.get(PATH)) == (400, [("campaign", "missing")])
    assert problem(api.get(f"{PATH}?campaign=theirs")) == (400, [("campaign", "unknown")])
    for run in ("x", "99", "-1"):
        assert problem(api.get(f"{PATH}?campaign=welcome&run={run}")) == (400, [("run", "unknown")])
    assert api.get("customers/c7/explain/?campaign=welcome").status_code == 404


def test_a_customer_whose_id_has_a_slash_is_found(api: Api, acme: Retailer) -> None:
    with context.in_retailer(acme):
        factories.customers(1, external_id="a/b")
        factories.campaign()
    assert api.get("customers/a/b/explain/?campaign=welcome").json()["external_id"] == "a/b"
