"""The emergency stop by API: of all the retailer's sending, and of one campaign."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from delivery import pipeline
from tenants import context, stops
from tenants.models import AgendaItem, Retailer
from tests import factories
from tests.api.caller import Api, problem


@pytest.fixture
def launchable(acme: Retailer, settings: Settings) -> None:
    """A campaign to three customers, one that waits for its time, and a mail server that answers."""
    settings.EMAIL_URL = "memory://stops"
    with context.in_retailer(acme):
        factories.customers(3)
        factories.campaign("welcome")
        factories.campaign("later", trigger={"kind": "schedule", "at": "2090-01-01T09:00:00"})


def test_stop_holds_all_sending_until_it_is_lifted(api: Api, acme: Retailer, launchable: None) -> None:
    api.post("campaigns/welcome/launch/")
    assert api.get("stop/").json() == {"stopped": False}
    stopped = api.post("stop/", {"reason": "wrong prices"}).json()
    assert stopped == api.get("stop/").json()
    assert (stopped["stopped"], stopped["whose"], stopped["reason"]) == (True, "retailer", "wrong prices")
    assert stopped["by"] == "API key test"
    assert api.post("stop/", {"reason": "again"}).json() == stopped
    pipeline.work(seconds=5, retailer=acme)
    assert api.get("campaigns/welcome/report/").json()["states"] == {}
    refused = api.post("campaigns/welcome/launch/")
    assert problem(refused) == (409, [("", "not_allowed")])
    assert "wrong prices" in refused.json()["detail"]
    assert api.delete("stop/").json() == {"stopped": False}
    assert api.delete("stop/").json() == {"stopped": False}
    pipeline.work(seconds=20, retailer=acme)
    assert api.get("campaigns/welcome/report/").json()["states"] == {"accepted": 3}


def test_platforms_stop_is_told_and_not_lifted_by_a_retailer(api: Api, acme: Retailer) -> None:
    api.post("stop/", {"reason": "ours"})
    stops.stop(None, reason="a provider is on fire")
    told = api.get("stop/").json()
    assert (told["whose"], told["reason"]) == ("platform", "a provider is on fire")
    assert api.delete("stop/").json() == told  # its own is lifted, the platform's stands
    assert problem(api.delete("stop/")) == (409, [("", "not_allowed")])
    stops.lift(None)
    assert api.get("stop/").json() == {"stopped": False}


def test_one_retailers_stop_is_not_anothers(api: Api, globex: Retailer) -> None:
    api.post("stop/")
    assert stops.standing(globex) is None


def test_campaign_is_stopped_and_goes_on(api: Api, acme: Retailer, launchable: None) -> None:
    run = api.post("campaigns/welcome/launch/").json()["id"]
    stopped = api.post("campaigns/welcome/stop/", {"reason": "a typo"}).json()
    assert (stopped["key"], stopped["state"]) == ("welcome", "paused")
    told = api.get(f"runs/{run}/").json()
    assert (told["state"], told["reason"]) == ("paused", "a typo")
    pipeline.work(seconds=5, retailer=acme)
    assert api.get(f"runs/{run}/").json()["states"] == {}
    assert api.post("campaigns/welcome/go-on/").json()["state"] == "running"
    pipeline.work(seconds=20, retailer=acme)
    assert api.get(f"runs/{run}/").json()["states"] == {"accepted": 3}
    for verb in ("stop", "go-on"):
        assert problem(api.post(f"campaigns/welcome/{verb}/")) == (409, [("", "not_allowed")]), verb


@pytest.mark.parametrize(("verb", "undo"), [("pause", "resume"), ("stop", "go-on"), ("pause", "go-on")])
def test_campaign_that_waits_for_its_time_is_held_and_waits_again(
    api: Api, acme: Retailer, launchable: None, verb: str, undo: str
) -> None:
    api.post("campaigns/later/publish/")
    assert api.post(f"campaigns/later/{verb}/", {"reason": "hold"}).status_code in (200, 204)
    assert api.get("campaigns/later/").json()["state"] == "paused"
    assert not AgendaItem.objects.filter(retailer=acme, kind="campaign").exists()
    assert api.post(f"campaigns/later/{undo}/").status_code in (200, 204)
    assert api.get("campaigns/later/").json()["state"] == "scheduled"
    assert AgendaItem.objects.filter(retailer=acme, kind="campaign").exists()


def test_nothing_goes_on_while_all_sending_is_stopped(api: Api, launchable: None) -> None:
    api.post("campaigns/welcome/launch/")
    api.post("campaigns/welcome/stop/")
    api.post("stop/", {"reason": "wrong prices"})
    for verb in ("go-on", "resume"):
        refused = api.post(f"campaigns/welcome/{verb}/")
        assert problem(refused) == (409, [("", "not_allowed")])
        assert "wrong prices" in refused.json()["detail"]
