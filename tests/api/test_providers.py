"""Providers by API: credentials go in and never come out, whoever asks."""

from __future__ import annotations

from base64 import b64encode
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
from tests.channels.servers import echoing

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


@pytest.mark.parametrize(
    ("kind", "change", "credential"),
    [
        ("sendgrid", {"base_url": "https://evil.example"}, "api_key"),
        ("smtp", {"host": "evil.example"}, "password"),
        ("smtp", {"port": 2525}, "password"),
        ("smtp", {"security": "none"}, "password"),
        ("http_sms", {"url": "https://evil.example/"}, "token"),
        ("http_sms", {"token_header": "X-Other"}, "token"),
        ("http_sms", {"body": {"to": "{recipient}", "text": "{text} {token}"}}, "token"),
        ("http_sms", {"headers": {"X-Other": "{token}"}}, "token"),
        ("webhook", {"url": "https://evil.example/"}, "signing_secret"),
    ],
)
def test_where_a_secret_goes_is_changed_only_by_who_knows_it(
    kind: str, change: dict[str, Any], credential: str, api: Api
) -> None:
    channel, settings = {
        "sendgrid": ("email", {}),
        "smtp": ("email", {"host": "mail.example", "username": "shop"}),
        "http_sms": ("sms", {"url": "https://sms.example/"}),
        "webhook": ("webhook", {"url": "https://shop.example/"}),
    }[kind]
    secret = {credential: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
    made = {"key": "one", "channel": channel, "kind": kind, "settings": settings, "credentials": secret}
    assert api.post("providers/", made).status_code == 201
    moved = {"settings": settings | change}
    assert problem(api.patch("providers/one/", moved)) == (400, [(f"credentials.{credential}", "needed_again")])
    assert api.get("providers/one/").json()["settings"] == settings
    assert api.patch("providers/one/", {"settings": settings, "priority": 5}).status_code == 200
    assert api.patch("providers/one/", moved | {"credentials": secret}).status_code == 200


def test_an_answer_that_repeats_the_secret_is_told_without_it(api: Api, settings: Settings) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = True
    with echoing() as echo:
        gateway = {
            "key": "gw", "channel": "sms", "kind": "http_sms", "credentials": {"token": "tok-1234567890/x"},
            "settings": {"url": f"{echo.url}/{{token}}/{'x' * 100}?k={{token}}"},
        }  # fmt: skip
        assert api.post("providers/", gateway).status_code == 201
        told = [api.post("providers/gw/test/", {"to": "+4915112345678"}).json()["detail"]]
        echo.status, echo.answer = 401, b"no such key: tok-1234567890/x"
        told.append(api.post("providers/gw/test/", {"to": "+4915112345678"}).json()["detail"])
        echo.answer = b"no such login: Basic " + b64encode(b"AC:hunter2 and more")
        twilio = {
            "key": "tw", "channel": "sms", "kind": "twilio", "credentials": {"auth_token": "hunter2 and more"},
            "settings": {"account_sid": "AC" + "0" * 32, "sender": "Shop", "base_url": echo.url},
        }  # fmt: skip
        assert api.post("providers/", twilio).status_code == 201
        told.append(api.post("providers/tw/test/", {"to": "+4915112345678"}).json()["detail"])
    assert "tok-1234567890%2Fx" in echo.seen[0]
    assert not [words for words in told if "tok-12" in words or "QUM6" in words or "…" not in words], told


def test_a_gateway_s_token_goes_wherever_it_is_wanted_and_nowhere_else(api: Api, settings: Settings) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = True
    with echoing() as echo:
        echo.status, echo.answer = 200, b'{"id": "x1"}'
        gateway = {
            "key": "gw", "channel": "sms", "kind": "http_sms", "credentials": {"token": "tok-1234567890"},
            "settings": {
                "url": f"{echo.url}/send?api_key={{token}}",
                "body": {"password": "{token}", "to": "{recipient}", "text": "{text}"},
                "headers": {"X-Api-Key": "{token}"},
            },
        }  # fmt: skip
        made = api.post("providers/", gateway)
        assert made.status_code == 201
        assert b"tok-12" not in api.get("providers/gw/").content + api.get("audit/").content
        assert api.post("providers/gw/test/", {"to": "+4915112345678"}).json()["result"] == "accepted"
    (seen,) = echo.seen
    assert (seen.count("tok-1234567890"), "Authorization" in seen) == (3, False)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "https://sms.example/?api_key=abc"}, "settings.url"),
        ({"url": "https://{token}.example/"}, "settings.url"),
        ({"headers": {"X-Api-Key": "abc"}}, "settings.headers"),
        ({"body": {"to": "{recipient}", "text": "{text}", "login": {"password": "abc"}}}, "settings.body"),
        ({"headers": {"X-Version": "{token}"}}, "credentials.token"),
    ],
)
def test_a_gateway_s_secret_is_refused_where_anybody_could_read_it(
    change: dict[str, Any], field: str, api: Api
) -> None:
    settings = {"url": "https://sms.example/"} | change
    status, errors = problem(
        api.post("providers/", {"key": "gw", "channel": "sms", "kind": "http_sms", "settings": settings})
    )
    assert (status, [name for name, _ in errors]) == (400, [field])


def test_a_page_is_no_acceptance_also_where_the_gateway_has_no_ids(api: Api, settings: Settings) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = True
    with echoing() as echo:
        account = {"url": f"{echo.url}/", "id_path": ""}
        api.post("providers/", {"key": "gw", "channel": "sms", "kind": "http_sms", "settings": account})
        found = []
        for echo.status, echo.answer in ((200, b"<html>Welcome to the hotel</html>"), (200, b"{}")):
            found.append(api.post("providers/gw/test/", {"to": "+4915112345678"}).json())
    assert [each["result"] for each in found] == ["unknown", "accepted"], found


def test_kinds_for_development_are_not_told_in_production(api: Api, settings: Settings) -> None:
    settings.DEVELOPMENT_PROVIDERS = False
    assert set(api.get("providers/kinds/").json()) == set(KINDS) - {"memory", "file"}
