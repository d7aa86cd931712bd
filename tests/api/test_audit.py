"""The audit trail by API; and every route that changes something leaves an entry there."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.test import override_settings
from pytest_django import Settings

from campaigns import policies
from tenants import context
from tenants.accounts.models import AuditEntry, Scope
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api, problem
from tests.api.routes import routes
from tests.api.test_blueprints import deploy

WELCOME = factories.config("welcome")
SEEDS = {"key": "seeds", "name": "Seeds", "addresses": ["ana@example.test"]}
TEMPLATE = {"key": "short", "name": "Short", "subject": "Hi", "html": factories.OUT}
CITY = {"key": "leeds", "name": "Leeds", "rule": {"attribute": "city", "eq": "Leeds"}}
TIER = {"name": "tier", "type": "text"}
RELAY = {"key": "relay", "channel": "email", "kind": "smtp", "settings": {"host": "mail.example"}}
LATER = {"trigger": {"kind": "schedule", "at": "2090-01-01T09:00:00"}}
PUBLISH, LAUNCH = ("POST", "campaigns/welcome/publish/"), ("POST", "campaigns/welcome/launch/")
SUBMIT, INSTANTIATE = ("POST", "campaigns/welcome/submit/"), ("POST", "blueprints/spring/instantiate/")

# Facts about people and goods, not configuration: each has its time and source, and there are millions of them. Of the
# files that bring them, tests.api.test_imports says what is written down.
FACTS = {
    "imports/", "imports/<int:pk>/start/", "imports/<int:pk>/cancel/",
    "products/bulk/", "products/<path:sku>/",
    "customers/bulk/", "customers/<path:external_id>/", "customers/<path:external_id>/consents/",
    "customers/<path:external_id>/devices/", "events/",
    "senders/<str:key>/check/",  # what DNS says
}  # fmt: skip


PDF = b"%PDF-1.7 %%EOF"
FILE = {"name": "terms.pdf", "content": base64.b64encode(PDF).decode()}
DIGEST = hashlib.sha256(PDF).hexdigest()
ELSEWHERE = {"runs/<int:pk>/unknowns/resolve/"}  # what it writes down is held to in test_unknowns
HOOK = {"key": "crm", "url": "https://crm.example/hook", "events": ["run.completed"]}


class Change(NamedTuple):
    """A call that changes something: its address and body, calls before it, and what is written down of it."""

    path: str
    body: Any
    entry: tuple[str, str]  # action, kind
    before: tuple[tuple[Any, ...], ...] = ()


CHANGES = {
    ("segments/", "POST"): Change("segments/", CITY, ("create", "segment")),
    ("segments/<slug:key>/", "PUT"): Change("segments/all/", CITY | {"key": "all"}, ("edit", "segment")),
    ("segments/<slug:key>/", "PATCH"): Change("segments/all/", {"name": "Everybody"}, ("edit", "segment")),
    ("segments/<slug:key>/", "DELETE"): Change("segments/all/", None, ("delete", "segment")),
    ("attributes/", "POST"): Change("attributes/", TIER, ("declare", "attribute")),
    ("attributes/<str:name>/", "PATCH"): Change(
        "attributes/tier/", {"description": "How good"}, ("describe", "attribute"), (("POST", "attributes/", TIER),)
    ),
    ("attributes/<str:name>/", "DELETE"): Change(
        "attributes/tier/", None, ("remove", "attribute"), (("POST", "attributes/", TIER),)
    ),
    ("templates/", "POST"): Change("templates/", TEMPLATE, ("create", "template")),
    ("templates/<slug:key>/", "PUT"): Change("templates/hello/", TEMPLATE | {"key": "hello"}, ("edit", "template")),
    ("templates/<slug:key>/", "PATCH"): Change("templates/hello/", {"subject": "Hi"}, ("edit", "template")),
    ("templates/<slug:key>/", "DELETE"): Change(
        "templates/short/", None, ("delete", "template"), (("POST", "templates/", TEMPLATE),)
    ),
    ("templates/<slug:key>/publish/", "POST"): Change(
        "templates/hello/publish/", None, ("publish", "template"), (("PATCH", "templates/hello/", {"subject": "Hi"}),)
    ),
    ("templates/<slug:key>/rollback/", "POST"): Change(
        "templates/hello/rollback/", {"version": 1}, ("roll back", "template")
    ),
    ("seedlists/", "POST"): Change("seedlists/", SEEDS, ("create", "seed list")),
    ("seedlists/<slug:key>/", "PUT"): Change(
        "seedlists/seeds/", SEEDS | {"name": "Hi"}, ("edit", "seed list"), (("POST", "seedlists/", SEEDS),)
    ),
    ("seedlists/<slug:key>/", "PATCH"): Change(
        "seedlists/seeds/", {"name": "Hi"}, ("edit", "seed list"), (("POST", "seedlists/", SEEDS),)
    ),
    ("seedlists/<slug:key>/", "DELETE"): Change(
        "seedlists/seeds/", None, ("delete", "seed list"), (("POST", "seedlists/", SEEDS),)
    ),
    ("campaigns/<slug:key>/test/", "POST"): Change(
        "campaigns/welcome/test/", {"to": ["ana@example.test"]}, ("test", "campaign")
    ),
    ("campaigns/", "POST"): Change("campaigns/", WELCOME | {"key": "other"}, ("create", "campaign")),
    ("campaigns/<slug:key>/", "PUT"): Change("campaigns/welcome/", WELCOME | {"name": "Hi"}, ("edit", "campaign")),
    ("campaigns/<slug:key>/", "PATCH"): Change("campaigns/welcome/", {"name": "Hi"}, ("edit", "campaign")),
    ("campaigns/<slug:key>/", "DELETE"): Change("campaigns/welcome/", None, ("delete", "campaign")),
    ("campaigns/<slug:key>/submit/", "POST"): Change("campaigns/welcome/submit/", None, ("submit", "campaign")),
    ("campaigns/<slug:key>/approve/", "POST"): Change(
        "campaigns/welcome/approve/", {"answer": "Fine"}, ("approve", "campaign"), (SUBMIT,)
    ),
    ("campaigns/<slug:key>/send-back/", "POST"): Change(
        "campaigns/welcome/send-back/", {"answer": "No"}, ("send back", "campaign"), (SUBMIT,)
    ),
    ("campaigns/<slug:key>/publish/", "POST"): Change("campaigns/welcome/publish/", None, ("publish", "campaign")),
    ("campaigns/<slug:key>/versions/<int:number>/restore/", "POST"): Change(
        "campaigns/welcome/versions/1/restore/", None, ("edit", "campaign"),
        (PUBLISH, ("PATCH", "campaigns/welcome/", {"name": "Hi"})),
    ),
    ("campaigns/<slug:key>/launch/", "POST"): Change("campaigns/welcome/launch/", None, ("launch", "campaign")),
    ("campaigns/<slug:key>/pause/", "POST"): Change("campaigns/welcome/pause/", None, ("pause", "run"), (LAUNCH,)),
    ("campaigns/<slug:key>/resume/", "POST"): Change(
        "campaigns/welcome/resume/", None, ("resume", "run"), (LAUNCH, ("POST", "campaigns/welcome/pause/"))
    ),
    ("campaigns/<slug:key>/cancel/", "POST"): Change("campaigns/welcome/cancel/", None, ("cancel", "run"), (LAUNCH,)),
    ("campaigns/<slug:key>/throttle/", "POST"): Change(
        "campaigns/welcome/throttle/", {"per_minute": 60}, ("throttle", "run"), (LAUNCH,)
    ),
    ("attachments/", "POST"): Change("attachments/", FILE, ("create", "attachment")),
    ("attachments/<str:digest>/", "DELETE"): Change(
        f"attachments/{DIGEST}/", None, ("delete", "attachment"), (("POST", "attachments/", FILE),)
    ),
    ("campaigns/<slug:key>/stop/", "POST"): Change("campaigns/welcome/stop/", None, ("stop", "campaign"), (LAUNCH,)),
    ("campaigns/<slug:key>/go-on/", "POST"): Change(
        "campaigns/welcome/go-on/", None, ("resume", "campaign"),
        (("PATCH", "campaigns/welcome/", LATER), PUBLISH, ("POST", "campaigns/welcome/stop/")),
    ),
    ("campaigns/<slug:key>/blueprint/", "POST"): Change(
        "campaigns/spring/blueprint/", None, ("edit", "campaign"), (INSTANTIATE, ("DEPLOY",))
    ),
    ("blueprints/<slug:key>/instantiate/", "POST"): Change(
        "blueprints/spring/instantiate/", None, ("create", "campaign")
    ),
    ("policy/", "PUT"): Change("policy/", {"approval": True}, ("change", "policy")),
    ("defaults/", "PUT"): Change("defaults/", {"topic": "news"}, ("change", "policy")),
    ("providers/", "POST"): Change("providers/", RELAY, ("create", "provider")),
    ("providers/<slug:key>/", "PATCH"): Change(
        "providers/relay/", {"priority": 5}, ("edit", "provider"), (("POST", "providers/", RELAY),)
    ),
    ("providers/<slug:key>/", "DELETE"): Change(
        "providers/relay/", None, ("delete", "provider"), (("POST", "providers/", RELAY),)
    ),
    ("providers/<slug:key>/test/", "POST"): Change(
        "providers/memory/test/", {"to": "ana@example.test"}, ("test", "provider"),
        (("POST", "providers/", RELAY | {"key": "memory", "kind": "memory", "settings": {}}),),
    ),
    ("webhooks/", "POST"): Change("webhooks/", HOOK, ("create", "webhook")),
    ("webhooks/<slug:key>/", "PATCH"): Change(
        "webhooks/crm/", {"is_active": False}, ("edit", "webhook"), (("POST", "webhooks/", HOOK),)
    ),
    ("webhooks/<slug:key>/", "DELETE"): Change(
        "webhooks/crm/", None, ("delete", "webhook"), (("POST", "webhooks/", HOOK),)
    ),
    ("webhooks/<slug:key>/test/", "POST"): Change(
        "webhooks/crm/test/", None, ("test", "webhook"), (("POST", "webhooks/", HOOK),)
    ),
    ("webhooks/<slug:key>/rotate/", "POST"): Change(
        "webhooks/crm/rotate/", None, ("edit", "webhook"), (("POST", "webhooks/", HOOK),)
    ),
    ("webhooks/<slug:key>/replay/", "POST"): Change(
        "webhooks/crm/replay/", {"since": "2026-11-01T00:00:00Z"}, ("replay", "webhook"), (("POST", "webhooks/", HOOK),)
    ),
    ("senders/<str:key>/", "PATCH"): Change(
        "senders/acme.example/", {"selectors": ["s1"]}, ("edit", "sender domain")
    ),
    ("senders/<str:key>/warm-up/", "POST"): Change(
        "senders/acme.example/warm-up/", {"act": "begin"}, ("begin", "sender domain")
    ),
    ("stop/", "POST"): Change("stop/", None, ("stop", "sending")),
    ("stop/", "DELETE"): Change("stop/", None, ("lift stop", "sending"), (("POST", "stop/"),)),
    ("suppressions/", "POST"): Change("suppressions/", {"address": "ana@example.test"}, ("add", "suppression")),
    ("suppressions/", "DELETE"): Change(
        "suppressions/", {"address": "ana@example.test"}, ("remove", "suppression"),
        (("POST", "suppressions/", {"address": "ana@example.test"}),),
    ),
}  # fmt: skip


@pytest.fixture
def folder(acme: Retailer, settings: Settings, tmp_path: Path) -> Iterator[Path]:
    """A segment, a template with two versions, a campaign, a blueprint and a mail server that answers."""
    settings.EMAIL_URL = "memory://audit"
    policies.save(None, policy={"attachments": {"types": ["pdf"]}})
    with context.in_retailer(acme):
        factories.customers(2)
        factories.segment("all", {"all": []})
        factories.campaign("welcome")
    with override_settings(BLUEPRINTS=[str(tmp_path)]):
        deploy(tmp_path, 1)
        yield tmp_path


def test_every_route_that_changes_something_is_here() -> None:
    changing = {
        (route.path, method)
        for route in routes()
        for method in route.methods
        if method != "GET" and route.view.scopes[method] != Scope.READ and route.path not in FACTS | ELSEWHERE
    }
    assert changing == set(CHANGES)


@pytest.mark.parametrize("route", CHANGES, ids=" ".join)
def test_change_is_written_down_with_who_and_why(
    acme: Retailer, api: Api, api_of: Callable[..., Api], folder: Path, route: tuple[str, str]
) -> None:
    change, other = CHANGES[route], api_of(acme)
    for call in change.before:
        if call == ("DEPLOY",):
            deploy(folder, 2, holdout=0.1)
        else:
            assert other.call(*call).status_code < 300, call
    with context.in_retailer(acme):
        last = AuditEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    done = api.call(route[1], change.path, change.body, x_change_reason="because")
    assert done.status_code < 300, done.content
    with context.in_retailer(acme):
        entries = list(AuditEntry.objects.filter(pk__gt=last))
    assert change.entry in [(entry.action, entry.kind) for entry in entries]
    who = {(entry.actor, entry.identity[:4], entry.door, entry.reason) for entry in entries}
    assert who == {("API key test", "key:", "api", "because")}


def test_call_that_is_refused_or_changes_nothing_leaves_no_entry(api: Api, acme: Retailer, folder: Path) -> None:
    api.patch("campaigns/welcome/", {"name": "Hi"})
    for call in (
        ("PATCH", "campaigns/welcome/", {"name": "Hi"}),
        ("PATCH", "campaigns/welcome/", {"name": ""}),
        ("POST", "campaigns/", WELCOME),
        ("POST", "campaigns/welcome/approve/"),
        ("DELETE", "templates/hello/"),
        ("DELETE", "stop/"),
        ("DELETE", "suppressions/", {"address": "nobody@example.test"}),
        ("POST", "campaigns/welcome/validate/"),
    ):
        api.call(*call)
    assert [entry["action"] for entry in api.get("audit/?actor=API key test").json()["results"]] == ["edit"]


def test_trail_is_told_newest_first_with_before_after_and_why(api: Api, folder: Path) -> None:
    api.patch("campaigns/welcome/", {"name": "Good day"}, x_change_reason="a better name")
    api.put("policy/", {"min_holdout": 0.1})
    policy, edit, *_ = api.get("audit/").json()["results"]
    assert set(edit) == {
        "at", "actor", "identity", "door", "action", "kind", "key", "before", "after", "number", "reason"
    }  # fmt: skip
    assert (edit["action"], edit["kind"], edit["key"], edit["number"]) == ("edit", "campaign", "welcome", 2)
    assert (edit["before"]["name"], edit["after"]["name"]) == ("Welcome", "Good day")
    assert (edit["door"], edit["reason"]) == ("api", "a better name")
    assert (policy["kind"], policy["after"]["policy"]) == ("policy", {"min_holdout": 0.1})


def test_trail_is_filtered(api: Api, acme: Retailer, api_of: Callable[..., Api], folder: Path) -> None:
    api.patch("campaigns/welcome/", {"name": "One"})
    api.post("segments/", CITY)
    api_of(acme).patch("campaigns/welcome/", {"name": "Two"})

    def told(query: str) -> list[str]:
        return [entry["action"] for entry in api.get(f"audit/?{query}").json()["results"]]

    assert told("kind=segment&key=leeds") == ["create"]
    assert told("kind=campaign&key=welcome") == ["edit", "edit", "create"]
    mine = api.get("audit/?kind=segment&key=leeds").json()["results"][0]["identity"]
    assert told(f"actor={mine}") == ["create", "edit"]
    assert told("actor=API key test") == ["edit", "create", "edit"]
    assert told("actor=nobody") == []
    assert problem(api.get("audit/?action=edit"))[0] == 400


def test_trail_of_one_retailer_is_not_anothers(
    api: Api, globex: Retailer, api_of: Callable[..., Api], folder: Path
) -> None:
    api.post("segments/", CITY)
    theirs = api_of(globex).get("audit/").json()["results"]
    assert [entry for entry in theirs if entry["kind"] == "segment"] == []
