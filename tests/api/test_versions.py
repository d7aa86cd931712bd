"""Versions by API: published, told, compared, restored; and what whoever comes too late is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from delivery import pipeline
from tenants import context
from tenants.accounts.models import Scope
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api, problem

PATH = "campaigns/welcome/"


@pytest.fixture
def welcome(api: Api, acme: Retailer, settings: Settings) -> dict[str, Any]:
    """A draft that was never published, and a mail server that answers."""
    settings.EMAIL_URL = "memory://versions"
    with context.in_retailer(acme):
        factories.template()
        factories.customers(3)
    return dict(api.post("campaigns/", factories.config("welcome")).json())


def step(subject: str) -> dict[str, Any]:
    variants = [{"key": "a", "subject": subject}]
    return {"steps": [{"key": "first", "channel": "email", "template": "hello", "variants": variants}]}


def test_versions_say_who_published_what_and_why(api: Api, welcome: dict[str, Any]) -> None:
    published = api.post(f"{PATH}publish/", x_change_reason="first try").json()
    api.patch(PATH, step("Good day"))
    api.post(f"{PATH}publish/", {"into_running": False})
    second, first = api.get(f"{PATH}versions/").json()["results"]
    assert (second["number"], first["number"]) == (2, 1)
    assert set(first) == {"number", "content_hash", "published_at", "by", "reason", "approved_by"}
    assert (first["by"], first["reason"], second["reason"]) == ("API key test", "first try", "")
    whole = api.get(f"{PATH}versions/1/").json()
    assert whole == published
    assert whole.items() > first.items()
    assert whole["config"]["steps"] == factories.config()["steps"]
    assert whole["provenance"].items() >= {"steps": "campaign", "topic": "built in"}.items()


@pytest.mark.parametrize("number", ["0", "3", "99999999999", "9" * 5000, "x"])
def test_version_that_does_not_exist_is_not_found(api: Api, welcome: dict[str, Any], number: str) -> None:
    api.post(f"{PATH}publish/")
    assert problem(api.get(f"{PATH}versions/{number}/"))[0] == 404
    assert problem(api.post(f"{PATH}versions/{number}/restore/"))[0] == 404


def test_restoring_makes_the_draft_what_a_version_was_made_of(api: Api, welcome: dict[str, Any]) -> None:
    api.post(f"{PATH}publish/")
    api.patch(PATH, step("Good day"))
    api.post(f"{PATH}publish/")
    restored = api.post(f"{PATH}versions/1/restore/", if_match='"2"')
    assert (restored.status_code, restored["ETag"]) == (200, '"3"')
    assert restored.json()["steps"] == factories.config()["steps"]
    assert restored.json()["live_version"] == 2
    assert problem(api.post(f"{PATH}versions/1/restore/", if_match='"2"')) == (412, [("", "changed_meanwhile")])


def test_diff_tells_in_words_what_publishing_would_change(api: Api, welcome: dict[str, Any]) -> None:
    api.post(f"{PATH}publish/")
    assert api.get(f"{PATH}diff/").json() == {"from": "live", "to": "draft", "differences": []}
    api.patch(PATH, {**step("Good day"), "audience": {"holdout": 0.1}})
    expected = [
        {"field": "audience.holdout", "label": "Hold back", "before": "not set", "after": "10 %"},
        {"field": "steps.first.variants.a.subject", "label": "Subject of variant a in step first",
         "before": "not set", "after": "Good day"},
    ]  # fmt: skip
    assert api.get(f"{PATH}diff/").json()["differences"] == expected
    api.post(f"{PATH}publish/")
    assert api.get(f"{PATH}diff/?from=1&to=2").json() == {"from": "1", "to": "2", "differences": expected}
    back = api.get(f"{PATH}diff/?from=draft&to=1").json()["differences"]
    assert [(each["before"], each["after"]) for each in back] == [("10 %", "not set"), ("Good day", "not set")]


def test_diff_of_what_was_never_published_is_all_of_it(api: Api, welcome: dict[str, Any]) -> None:
    labels = [each["label"] for each in api.get(f"{PATH}diff/").json()["differences"]]
    assert labels == ["Key", "Name", "Starts", "Send to", "Step first"]


@pytest.mark.parametrize(("query", "field"), [("from=7", "from"), ("to=7", "to"), ("to=new", "to"), ("from=", "from")])
def test_diff_with_no_such_version_names_the_side(api: Api, welcome: dict[str, Any], query: str, field: str) -> None:
    api.post(f"{PATH}publish/")
    assert problem(api.get(f"{PATH}diff/?{query}")) == (400, [(field, "unknown")])


def test_new_copy_goes_into_a_run_under_way_and_a_new_audience_does_not(
    api: Api, acme: Retailer, welcome: dict[str, Any]
) -> None:
    run = api.post(f"{PATH}launch/").json()["id"]
    api.patch(PATH, step("Good day"))
    assert api.post(f"{PATH}publish/", {"into_running": True}).json()["number"] == 2
    assert api.get(f"runs/{run}/").json()["version"] == 2
    api.patch(PATH, {"audience": {"holdout": 0.5}})
    refused = api.post(f"{PATH}publish/", {"into_running": True})
    assert problem(refused) == (409, [("", "not_allowed")])
    assert "audience.holdout" in refused.json()["detail"]
    assert api.get(f"runs/{run}/").json()["version"] == 2
    assert problem(api.post(f"{PATH}publish/", {"into_running": "perhaps"})) == (400, [("into_running", "invalid")])
    pipeline.work(seconds=20, retailer=acme)
    assert api.get(f"{PATH}report/").json()["states"] == {"accepted": 3}


LATE = {
    "put": lambda api, **headers: api.put(PATH, factories.config("welcome"), **headers),
    "patch": lambda api, **headers: api.patch(PATH, {"topic": "news"}, **headers),
    "delete": lambda api, **headers: api.delete(PATH, **headers),
    "publish": lambda api, **headers: api.post(f"{PATH}publish/", **headers),
    "launch": lambda api, **headers: api.post(f"{PATH}launch/", **headers),
    "submit": lambda api, **headers: api.post(f"{PATH}submit/", **headers),
    "approve": lambda api, **headers: api.post(f"{PATH}approve/", **headers),
    "send-back": lambda api, **headers: api.post(f"{PATH}send-back/", **headers),
    "restore": lambda api, **headers: api.post(f"{PATH}versions/1/restore/", **headers),
    "accept": lambda api, **headers: api.post(f"{PATH}blueprint/", **headers),
}


@pytest.mark.parametrize("act", LATE.values(), ids=LATE.keys())
def test_whoever_comes_too_late_is_told_who_changed_what(
    api: Api, acme: Retailer, api_of: Callable[..., Api], welcome: dict[str, Any], act: Callable[..., Any]
) -> None:
    api.post(f"{PATH}publish/")
    read = api.get(PATH)["ETag"]
    other = api_of(acme, Scope.WRITE)
    other.patch(PATH, {"name": "Good day"})
    other.patch(PATH, {"audience": {"holdout": 0.1}})
    before = api.get(PATH).json()
    refused = act(api, if_match=read)
    assert problem(refused) == (412, [("", "changed_meanwhile")])
    assert refused.json()["changed_by"] == "API key test"
    assert [(each["label"], each["before"], each["after"]) for each in refused.json()["changes"]] == [
        ("Name", "Welcome", "Good day"), ("Hold back", "not set", "10 %")
    ]  # fmt: skip
    assert api.get(PATH).json() == before


def test_only_what_changed_since_the_draft_that_was_read_is_told(api: Api, welcome: dict[str, Any]) -> None:
    api.patch(PATH, {"name": "Good day"})
    api.patch(PATH, {"topic": "news"})
    told = api.patch(PATH, {"name": "x"}, if_match='"2"').json()
    assert [each["label"] for each in told["changes"]] == ["Topic"]
    assert [each["label"] for each in api.patch(PATH, {"name": "x"}, if_match='"1", "2"').json()["changes"]] == [
        "Topic"
    ]
    for unknown in ('"9"', '"0"', "nonsense", 'W/"2"', f'"{"9" * 50}"'):
        refused = api.patch(PATH, {"name": "x"}, if_match=unknown)
        assert problem(refused)[0] == 412, unknown
