"""Launching and steering by API, and what is told of runs and messages."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from campaigns.models import Customer, Run
from delivery import pipeline
from tenants import context
from tenants.models import AgendaItem, Retailer
from tests import factories
from tests.api.caller import Api, problem


@pytest.fixture
def launchable(acme: Retailer, settings: Settings) -> None:
    """A campaign, welcome, to three customers, and a mail server that answers."""
    settings.EMAIL_URL = "memory://api"
    with context.in_retailer(acme):
        factories.customers(3)
        factories.campaign("welcome")


def carry(retailer: Retailer) -> None:
    pipeline.work(seconds=20, retailer=retailer)


def test_launch_answers_at_once_with_a_run_to_follow(api: Api, acme: Retailer, launchable: None) -> None:
    launched = api.post("campaigns/welcome/launch/")
    assert launched.status_code == 202
    run = api.get(launched["Location"]).json()
    assert run.items() >= {"id": launched.json()["id"], "state": "planned", "messages": 0}.items()
    carry(acme)
    report = api.get("campaigns/welcome/report/").json()
    assert report == api.get(launched["Location"]).json()
    assert (report["state"], report["states"], report["balances"]) == ("completed", {"accepted": 3}, True)
    assert report["variants"] == {"first": {"a": {"accepted": 3}}}


def test_launch_with_its_key_is_one_run_even_when_the_answer_was_forgotten(
    api: Api, acme: Retailer, launchable: None
) -> None:
    first = api.post("campaigns/welcome/launch/", idempotency_key="monday")
    again = api.post("campaigns/welcome/launch/", {}, idempotency_key="monday")
    assert (again.json(), again["Idempotent-Replay"]) == (first.json(), "true")
    with context.in_retailer(acme):
        configuration_key = Run.objects.get().occurrence
        assert configuration_key.startswith("api:")
    assert api.post("campaigns/welcome/launch/", idempotency_key="tuesday").json()["id"] != first.json()["id"]


def test_launch_starts_nothing_while_no_mail_server_answers(
    api: Api, acme: Retailer, launchable: None, settings: Settings
) -> None:
    settings.EMAIL_URL = "smtp://127.0.0.1:9"
    response = api.post("campaigns/welcome/launch/")
    assert problem(response) == (503, [("", "channel_unavailable")])
    assert "127.0.0.1:9" in response.json()["detail"]
    assert api.get("runs/").json()["results"] == []


def test_launch_of_what_cannot_run_names_the_reasons(api: Api, acme: Retailer, launchable: None) -> None:
    with context.in_retailer(acme):
        factories.campaign("broken", steps=[{"key": "first", "channel": "email", "template": "nothing"}])
    assert problem(api.post("campaigns/broken/launch/")) == (400, [("steps.0.template", "unknown")])
    assert problem(api.post("campaigns/nobody/launch/"))[0] == 404


def test_run_is_paused_resumed_and_cancelled(api: Api, acme: Retailer, launchable: None) -> None:
    api.post("campaigns/welcome/launch/")
    paused = api.post("campaigns/welcome/pause/", {"reason": "a typo"})
    assert (paused.json()["state"], paused.json()["reason"]) == ("paused", "a typo")
    assert problem(api.post("campaigns/welcome/pause/")) == (409, [("", "not_allowed")])
    assert api.post("campaigns/welcome/resume/").json()["state"] == "running"
    assert api.post("campaigns/welcome/cancel/").json()["state"] == "cancelled"
    for verb, words in (("pause", "no run under way"), ("resume", "no run under way"), ("cancel", "nothing to cancel")):
        response = api.post(f"campaigns/welcome/{verb}/")
        assert problem(response) == (409, [("", "not_allowed")])
        assert words in response.json()["detail"]


def test_scheduled_campaign_is_taken_off_the_clock_by_cancelling(api: Api, acme: Retailer, launchable: None) -> None:
    with context.in_retailer(acme):
        factories.campaign("later", trigger={"kind": "schedule", "at": "2090-01-01T09:00:00"})
    api.post("campaigns/later/publish/")
    assert api.get("campaigns/later/").json()["state"] == "scheduled"
    assert api.post("campaigns/later/cancel/").status_code == 204
    assert api.get("campaigns/later/").json()["state"] == "cancelled"
    assert not AgendaItem.objects.filter(retailer=acme, kind="campaign").exists()


def test_campaign_that_ran_stays(api: Api, launchable: None) -> None:
    api.post("campaigns/welcome/launch/")
    assert problem(api.delete("campaigns/welcome/")) == (409, [("", "not_allowed")])


def test_messages_are_told_one_by_one_and_outlive_the_customer(api: Api, acme: Retailer, launchable: None) -> None:
    run = api.post("campaigns/welcome/launch/").json()
    carry(acme)
    with context.in_retailer(acme):
        Customer.objects.get(external_id="c2").delete()
    first = api.get(f"runs/{run['id']}/messages/?limit=2")
    second = api.get(first.json()["next"])
    rows = first.json()["results"] + second.json()["results"]
    assert [row["external_id"] for row in rows] == ["c1", None, "c3"]
    assert len({row["id"] for row in rows}) == 3
    told = ("step", "channel", "variant", "state", "provider", "version")
    assert {tuple(row[name] for name in told) for row in rows} == {("first", "email", "a", "accepted", "memory", 1)}
    assert all(row["template_hash"] and row["settled_at"] for row in rows)


def test_messages_are_filtered_by_the_state_they_show(api: Api, acme: Retailer, launchable: None) -> None:
    run = api.post("campaigns/welcome/launch/").json()
    carry(acme)
    messages = f"runs/{run['id']}/messages/"
    assert len(api.get(f"{messages}?state=accepted&variant=a&step=first").json()["results"]) == 3
    assert api.get(f"{messages}?state=queued").json()["results"] == []


def test_runs_are_listed_latest_first_and_filtered(api: Api, acme: Retailer, launchable: None) -> None:
    with context.in_retailer(acme):
        factories.campaign("other")
    ids = [api.post(f"campaigns/{key}/launch/").json()["id"] for key in ("welcome", "other", "welcome")]
    assert [row["id"] for row in api.get("runs/").json()["results"]] == ids[::-1]
    assert [row["id"] for row in api.get("runs/?campaign=other&state=planned").json()["results"]] == [ids[1]]


def test_report_of_a_run_asked_for(api: Api, launchable: None) -> None:
    assert problem(api.get("campaigns/welcome/report/"))[0] == 404
    first = api.post("campaigns/welcome/launch/").json()["id"]
    latest = api.post("campaigns/welcome/launch/").json()["id"]
    assert api.get("campaigns/welcome/report/").json()["id"] == latest
    assert api.get(f"campaigns/welcome/report/?run={first}").json()["id"] == first
    assert problem(api.get("campaigns/welcome/report/?run=999999999"))[0] == 404
    assert problem(api.get("campaigns/welcome/report/?run=first")) == (400, [("run", "invalid")])


def test_a_run_is_held_to_so_many_messages_a_minute_and_let_go(api: Api, acme: Retailer, launchable: None) -> None:
    run = api.post("campaigns/welcome/launch/").json()["id"]
    answer = api.post("campaigns/welcome/throttle/", {"per_minute": 600})
    assert (answer.status_code, answer.json()["throttle"]) == (200, 600)
    assert api.get(f"runs/{run}/").json()["throttle"] == 600
    assert api.post("campaigns/welcome/throttle/", {"per_minute": None}).json()["throttle"] is None


@pytest.mark.parametrize("given", [{}, {"per_minute": 0}, {"per_minute": "fast"}, {"per_minute": 10**8}])
def test_a_throttle_is_a_number_of_messages_or_null(
    api: Api, acme: Retailer, launchable: None, given: dict[str, object]
) -> None:
    api.post("campaigns/welcome/launch/")
    status, errors = problem(api.post("campaigns/welcome/throttle/", given))
    assert (status, [field for field, _ in errors]) == (400, ["per_minute"])


def test_a_run_tells_its_waves(api: Api, acme: Retailer, launchable: None) -> None:
    step = {"key": "first", "channel": "email", "template": "hello", "release": {"waves": 2, "over": "1h"}}
    with context.in_retailer(acme):
        factories.campaign("slowly", steps=[step])
    run = api.post("campaigns/slowly/launch/").json()["id"]
    carry(acme)
    told = api.get(f"runs/{run}/").json()["waves"]
    assert [(wave["step"], wave["number"], wave["state"], wave["weights"]) for wave in told] == [
        ("first", 1, "released", {"a": 1.0}),
        ("first", 2, "planned", None),
    ]
