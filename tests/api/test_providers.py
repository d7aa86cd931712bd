"""Providers by API: credentials go in and never come out, whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from delivery import providers
from delivery.channels import KINDS
from delivery.models import Provider, ProviderState
from tenants import context
from tenants.accounts.models import Scope
from tenants.models import Retailer
from tests.api.caller import Api, problem

SENDGRID: dict[str, Any] = {
    "key": "sendgrid",
    "channel": "email",
    "kind": "sendgrid",
    "credentials": {"api_key": "SG.hunter2"},
    "priority": 10,
    "rate": 50,
    "per_domain": {"GMAIL.com": 600},
}


def test_a_provider_is_made_changed_and_removed_and_its_secret_told_by_none(api: Api, acme: Retailer) -> None:
    made = api.post("providers/", SENDGRID)
    assert (made.status_code, made["Location"]) == (201, "/api/v1/providers/sendgrid/")
    changed = api.patch("providers/sendgrid/", {"max_per_day": 1000})
    told = changed.json()
    assert told["credentials"] == {"api_key": "set"}
    assert (told["rate"], told["max_per_day"], told["per_domain"]) == (50.0, 1000, {"gmail.com": 600})
    assert (told["state"], told["today"]) == ("working", 0)
    answers = [made, changed, api.get("providers/"), api.get("providers/sendgrid/"), api.get("audit/")]
    assert not any(b"hunter2" in answer.content for answer in answers)
    assert api.delete("providers/sendgrid/").status_code == 204
    assert api.get("providers/").json() == {"results": [], "next": None}
    assert b"hunter2" not in api.get("audit/").content


def test_a_secret_can_be_replaced_and_taken_away(api: Api) -> None:
    mailgun = {"key": "mg", "channel": "email", "kind": "mailgun", "settings": {"domain": "shop.example"}}
    api.post("providers/", mailgun | {"credentials": {"api_key": "a", "signing_key": "b"}})
    told = api.patch("providers/mg/", {"credentials": {"api_key": "c", "signing_key": None}}).json()
    assert told["credentials"] == {"api_key": "set"}
    refused = api.patch("providers/mg/", {"credentials": {"api_key": None}})
    assert problem(refused) == (400, [("credentials.api_key", "missing")])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "twilio"}, "kind"),
        ({"credentials": {}}, "credentials.api_key"),
        ({"credentials": {"api_key": "a", "other": "b"}}, "credentials.other"),
        ({"settings": {"base_url": "ftp://x"}}, "settings.base_url"),
        ({"settings": {"base_url": "https://user:pass@x/"}}, "settings.base_url"),
        ({"key": "kinds"}, "key"),
        ({"state": "working"}, "state"),
        ({"rate": -1}, "rate"),
    ],
)
def test_what_cannot_work_is_refused_with_its_field(api: Api, change: dict[str, Any], field: str) -> None:
    status, errors = problem(api.post("providers/", SENDGRID | change))
    assert (status, [name for name, _ in errors]) == (400, [field])
    assert api.get("providers/").json()["results"] == []


def test_a_provider_of_one_retailer_is_unknown_to_the_other(
    acme: Retailer, globex: Retailer, api_of: Callable[..., Api]
) -> None:
    api_of(acme).post("providers/", SENDGRID)
    theirs = api_of(globex)
    assert theirs.get("providers/").json()["results"] == []
    for call in (("GET", ""), ("PATCH", "", {"priority": 1}), ("DELETE", ""), ("POST", "test/", {"to": "a@b.example"})):
        assert theirs.call(call[0], f"providers/sendgrid/{call[1]}", *call[2:]).status_code == 404
    assert theirs.post("providers/", SENDGRID).status_code == 201


def test_only_a_key_of_full_scope_makes_one(acme: Retailer, api_of: Callable[..., Api]) -> None:
    assert api_of(acme, Scope.WRITE).post("providers/", SENDGRID).status_code == 403
    assert api_of(acme, Scope.READ).get("providers/").status_code == 200


def test_a_test_says_what_the_provider_said(api: Api, settings: Settings) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = False
    api.post("providers/", {"key": "memory", "channel": "sms", "kind": "memory"})
    answer = api.post("providers/memory/test/", {"to": "+4915112345678"})
    assert answer.json() == {"result": "accepted", "detail": "kept in memory", "provider_message_id": ""}
    api.post("providers/", {**SENDGRID, "settings": {"base_url": "https://127.0.0.1:1"}})
    refused = api.post("providers/sendgrid/test/", {"to": "a@b.example"})
    assert problem(refused) == (503, [("", "channel_unavailable")])
    assert "inside a network" in refused.json()["detail"]
    assert problem(api.post("providers/memory/test/", {}))[1] == [("to", "required")]


def test_kinds_are_told_with_their_schemas(api: Api) -> None:
    kinds = api.get("providers/kinds/").json()
    assert set(kinds) == set(KINDS)
    assert kinds["sendgrid"]["credentials"]["required"] == ["api_key"]
    assert kinds["mailgun"]["settings"]["properties"]["domain"]["description"].startswith("The sending domain")


def test_a_provider_at_rest_says_until_when_and_why(api: Api, acme: Retailer) -> None:
    api.post("providers/", SENDGRID)
    with context.in_retailer(acme):
        chosen = providers.choose(acme, "email")
        assert chosen.breaker
        chosen.breaker.refuse(providers.ChannelUnavailable("429 slow down", retry_after=60))
        assert ProviderState.objects.get().openings == 1
        assert Provider.objects.count() == 1
    told = api.get("providers/sendgrid/").json()
    assert (told["state"], told["reason"]) == ("resting", "429 slow down")
    assert told["until"]
