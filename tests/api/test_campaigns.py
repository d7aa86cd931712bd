from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tenants import context
from tenants.models import AgendaItem, Retailer
from tests import factories
from tests.api.caller import Api, problem, sound

WELCOME = factories.config("welcome")
PATH = "campaigns/welcome/"


@pytest.fixture
def welcome(api: Api, acme: Retailer) -> dict[str, Any]:
    with context.in_retailer(acme):
        factories.template()
        factories.customers(3)
    response = api.post("campaigns/", WELCOME)
    assert response.status_code == 201
    return dict(response.json())


def test_campaign_document_is_its_configuration_and_what_we_say_of_it(api: Api, welcome: dict[str, Any]) -> None:
    assert welcome.items() >= WELCOME.items()
    assert (welcome["state"], welcome["draft_number"], welcome["live_version"]) == ("draft", 1, None)
    response = api.get(PATH)
    assert (response.json(), response["ETag"]) == (welcome, '"1"')
    [listed] = api.get("campaigns/").json()["results"]
    assert (listed["key"], "steps" in listed) == ("welcome", False)


def test_document_read_can_be_sent_back_as_it_is(api: Api, welcome: dict[str, Any]) -> None:
    response = api.put(PATH, welcome | {"name": "Good day"})
    assert response.status_code == 200
    assert (response.json()["name"], response.json()["draft_number"], response["ETag"]) == ("Good day", 2, '"2"')


def test_patch_merges_and_null_removes(api: Api, welcome: dict[str, Any]) -> None:
    api.patch(PATH, {"goal": {"event": "order", "within": "7d"}, "audience": {"holdout": 0.1}})
    response = api.patch(PATH, {"goal": None, "audience": {"holdout": 0.2}})
    assert "goal" not in response.json()
    assert response.json()["audience"] == {"include": {"all": []}, "holdout": 0.2}


def test_change_to_a_draft_that_moved_on_is_refused(api: Api, welcome: dict[str, Any]) -> None:
    assert api.put(PATH, WELCOME, if_match='"1"').status_code == 200
    assert problem(api.put(PATH, WELCOME, if_match='"1"')) == (412, [("", "changed_meanwhile")])
    assert problem(api.patch(PATH, {"name": "x"}, if_match='W/"2"'))[0] == 412
    assert problem(api.post(f"{PATH}publish/", if_match='"1"'))[0] == 412
    assert problem(api.post(f"{PATH}launch/", if_match='"1"'))[0] == 412
    assert problem(api.delete(PATH, if_match='"1"'))[0] == 412
    assert api.patch(PATH, {"name": "Hi"}, if_match='"7", "2"').json()["draft_number"] == 3
    assert api.patch(PATH, {"name": "Hi"}, if_match="*").status_code == 200


def test_configuration_problems_have_their_path(api: Api, welcome: dict[str, Any]) -> None:
    broken = WELCOME | {"steps": [{"key": "first", "channel": "pigeon", "template": "hello", "when?": 1}]}
    assert problem(api.put(PATH, broken)) == (
        400, [("steps.0.channel", "literal_error"), ("steps.0.when?", "extra_forbidden")]
    )  # fmt: skip
    assert problem(api.post("campaigns/", {"key": "other"}))[1][0] == ("name", "missing")
    assert problem(api.post("campaigns/", WELCOME)) == (400, [("key", "unique")])
    assert problem(api.put(PATH, WELCOME | {"key": "other"})) == (400, [("key", "immutable")])


def test_validate_tells_all_problems_of_the_draft_or_of_what_is_sent(api: Api, welcome: dict[str, Any]) -> None:
    assert sound(api, "welcome") == ["postal_address", "preheader", "spam_words"]
    unknown = WELCOME | {"audience": {"include": {"segment": "nobody"}}, "timing": {"mode": "best_hour"}}
    response = api.post(f"{PATH}validate/", unknown)
    assert response.json()["valid"] is False
    assert [error["field"] for error in response.json()["errors"]] == ["audience.include.segment", "timing.mode"]
    assert api.post(f"{PATH}validate/", {"key": "welcome"}).json()["errors"][0]["field"] == "name"
    assert api.get(PATH).json() == welcome


def test_publish_freezes_versions(api: Api, welcome: dict[str, Any]) -> None:
    assert [api.post(f"{PATH}publish/").json()["number"] for _ in range(2)] == [1, 1]
    api.patch(PATH, {"name": "Good day"})
    published = api.post(f"{PATH}publish/").json()
    assert (published["number"], published["config"]["name"]) == (2, "Good day")
    assert [row["number"] for row in api.get(f"{PATH}versions/").json()["results"]] == [2, 1]
    assert api.get(PATH).json()["live_version"] == 2


def test_publish_refuses_what_cannot_run(api: Api, welcome: dict[str, Any]) -> None:
    api.patch(PATH, {"steps": [{"key": "first", "channel": "email", "template": "nothing"}]})
    response = api.post(f"{PATH}publish/")
    assert problem(response) == (400, [("steps.0.template", "unknown")])
    assert "known: hello" in response.json()["detail"]


def test_preflight_is_the_waterfall_of_the_draft(api: Api, acme: Retailer, welcome: dict[str, Any]) -> None:
    with context.in_retailer(acme):
        factories.customers(1, first=9, consent_email=False)
    for told in (api.get(f"{PATH}preflight/").json(), api.post(f"{PATH}preflight/").json()):
        assert (told["candidates"], told["included"], told["excluded"]) == (4, 3, {"no_consent": 1})
        assert told["steps"] == [{"step": "first", "channel": "email", "reached": 3, "missed": {}}]
        assert (told["sample"]["people"], told["sample"]["errors"], told["collisions"]) == (3, [], [])
        assert told["times"]["zone"] == "Europe/London"
        assert "marks" not in told


def test_preflight_of_what_cannot_run_names_the_reason(api: Api, welcome: dict[str, Any]) -> None:
    api.patch(PATH, {"steps": [{"key": "first", "channel": "push", "template": "hello"}]})
    assert problem(api.get(f"{PATH}preflight/")) == (400, [("steps.0.template", "channel")])


def test_scheduled_campaign_can_be_removed_and_leaves_the_agenda(
    api: Api, acme: Retailer, welcome: dict[str, Any]
) -> None:
    at = (timezone.now() + timedelta(days=1)).isoformat()
    api.patch(PATH, {"trigger": {"kind": "schedule", "at": at}})
    api.post(f"{PATH}publish/")
    assert api.get(PATH).json()["state"] == "scheduled"
    assert api.delete(PATH).status_code == 204
    assert problem(api.get(PATH))[0] == 404
    assert not AgendaItem.objects.filter(retailer=acme).exists()
