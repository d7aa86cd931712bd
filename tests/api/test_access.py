"""Who may do what. Every route is found by itself: a new one without a line in SCOPES fails here."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from campaigns import configuration
from campaigns.models import Campaign
from delivery.models import Message
from tenants import context
from tenants.accounts.models import ApiKey, Scope
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api, problem
from tests.api.routes import PUBLIC, SIGNED, routes

READ, INGEST, WRITE, FULL = Scope

SCOPES = {
    "customers/": {"GET": READ},
    "customers/bulk/": {"POST": INGEST},
    "customers/<path:external_id>/": {"GET": READ, "PATCH": INGEST, "DELETE": FULL},
    "events/": {"POST": INGEST},
    "attributes/": {"GET": READ, "POST": WRITE},
    "attributes/<str:name>/": {"GET": READ, "PATCH": WRITE, "DELETE": WRITE},
    "segments/": {"GET": READ, "POST": WRITE},
    "customers/<path:external_id>/consents/": {"GET": READ, "POST": INGEST},
    "customers/<path:external_id>/devices/": {"GET": READ, "POST": INGEST, "DELETE": INGEST},
    "customers/<path:external_id>/explain/": {"GET": READ},
    "customers/<path:external_id>/timeline/": {"GET": READ},
    "customers/<path:external_id>/export/": {"GET": FULL},
    "imports/": {"GET": READ, "POST": WRITE},
    "imports/<int:pk>/": {"GET": READ},
    "imports/<int:pk>/start/": {"POST": WRITE},
    "imports/<int:pk>/cancel/": {"POST": WRITE},
    "imports/<int:pk>/rejects/": {"GET": READ},
    "products/": {"GET": READ},
    "products/bulk/": {"POST": INGEST},
    "products/<path:sku>/": {"GET": READ, "PATCH": INGEST, "DELETE": WRITE},
    "segments/preview/": {"POST": READ},
    "segments/<slug:key>/": {"GET": READ, "PUT": WRITE, "PATCH": WRITE, "DELETE": WRITE},
    "segments/<slug:key>/preview/": {"POST": READ},
    "seedlists/": {"GET": READ, "POST": WRITE},
    "seedlists/<slug:key>/": {"GET": READ, "PUT": WRITE, "PATCH": WRITE, "DELETE": WRITE},
    "attachments/": {"GET": READ, "POST": WRITE},
    "attachments/<str:digest>/": {"GET": READ, "DELETE": WRITE},
    "templates/": {"GET": READ, "POST": WRITE},
    "templates/convert/": {"POST": READ},
    "templates/<slug:key>/": {"GET": READ, "PUT": WRITE, "PATCH": WRITE, "DELETE": WRITE},
    "templates/<slug:key>/preview/": {"POST": READ},
    "templates/<slug:key>/publish/": {"POST": WRITE},
    "templates/<slug:key>/versions/": {"GET": READ},
    "templates/<slug:key>/rollback/": {"POST": WRITE},
    "campaigns/": {"GET": READ, "POST": WRITE},
    "campaigns/<slug:key>/": {"GET": READ, "PUT": WRITE, "PATCH": WRITE, "DELETE": WRITE},
    "campaigns/<slug:key>/validate/": {"POST": READ},
    "campaigns/<slug:key>/preflight/": {"GET": READ, "POST": READ},
    "campaigns/<slug:key>/test/": {"POST": WRITE},
    "campaigns/<slug:key>/resolved/": {"GET": READ},
    "campaigns/<slug:key>/submit/": {"POST": WRITE},
    "campaigns/<slug:key>/approve/": {"POST": FULL},
    "campaigns/<slug:key>/send-back/": {"POST": FULL},
    "campaigns/<slug:key>/reviews/": {"GET": READ},
    "campaigns/<slug:key>/publish/": {"POST": WRITE},
    "campaigns/<slug:key>/diff/": {"GET": READ},
    "campaigns/<slug:key>/blueprint/": {"GET": READ, "POST": WRITE},
    "campaigns/<slug:key>/stop/": {"POST": WRITE},
    "campaigns/<slug:key>/go-on/": {"POST": WRITE},
    "campaigns/<slug:key>/launch/": {"POST": WRITE},
    "campaigns/<slug:key>/pause/": {"POST": WRITE},
    "campaigns/<slug:key>/resume/": {"POST": WRITE},
    "campaigns/<slug:key>/cancel/": {"POST": WRITE},
    "campaigns/<slug:key>/throttle/": {"POST": WRITE},
    "campaigns/<slug:key>/versions/": {"GET": READ},
    "campaigns/<slug:key>/versions/<int:number>/": {"GET": READ},
    "campaigns/<slug:key>/versions/<int:number>/restore/": {"POST": WRITE},
    "campaigns/<slug:key>/report/": {"GET": READ},
    "campaigns/<slug:key>/report/csv/": {"GET": READ},
    "senders/": {"GET": READ},
    "senders/<str:key>/": {"GET": READ, "PATCH": FULL},
    "senders/<str:key>/check/": {"POST": WRITE},
    "senders/<str:key>/warm-up/": {"POST": FULL},
    "runs/": {"GET": READ},
    "runs/<int:pk>/": {"GET": READ},
    "runs/<int:pk>/messages/": {"GET": READ},
    "runs/<int:pk>/unknowns/": {"GET": READ},
    "runs/<int:pk>/unknowns/causes/": {"GET": READ},
    "runs/<int:pk>/unknowns/resolve/": {"POST": WRITE},
    "blueprints/": {"GET": READ},
    "blueprints/<slug:key>/": {"GET": READ},
    "blueprints/<slug:key>/instantiate/": {"POST": WRITE},
    "policy/": {"GET": READ, "PUT": FULL},
    "defaults/": {"GET": READ, "PUT": FULL},
    "audit/": {"GET": READ},
    "providers/": {"GET": READ, "POST": FULL},
    "providers/kinds/": {"GET": READ},
    "providers/<slug:key>/": {"GET": READ, "PATCH": FULL, "DELETE": FULL},
    "providers/<slug:key>/test/": {"POST": FULL},
    "stop/": {"GET": READ, "POST": WRITE, "DELETE": WRITE},
    "webhooks/": {"GET": READ, "POST": FULL},
    "webhooks/<slug:key>/": {"GET": READ, "PATCH": FULL, "DELETE": FULL},
    "webhooks/<slug:key>/test/": {"POST": FULL},
    "webhooks/<slug:key>/rotate/": {"POST": FULL},
    "webhooks/<slug:key>/replay/": {"POST": FULL},
    "webhooks/<slug:key>/deliveries/": {"GET": READ},
    "suppressions/": {"GET": READ, "POST": WRITE, "DELETE": WRITE},
}


def test_every_route_and_method_has_its_scope_written_here() -> None:
    assert {route.path: set(route.methods) for route in routes()} == {
        path: set(methods) for path, methods in SCOPES.items()
    }


@pytest.mark.parametrize("key_scope", [None, *Scope])
def test_each_method_takes_its_scope_and_those_above_only(
    acme: Retailer, api_of: Callable[..., Api], key_scope: Scope | None
) -> None:
    api = api_of(acme, key_scope) if key_scope else Api(acme, None)
    for route in routes():
        for method, needed in SCOPES[route.path].items():
            status = api.call(method, route.address, {} if method != "GET" else None).status_code
            allowed = key_scope is not None and key_scope.allows(needed)
            expected = {200, 204, 400, 404} if allowed else {403} if key_scope else {401}
            assert status in expected, (method, route.path, status)


def test_methods_that_a_route_does_not_have_are_405(api: Api) -> None:
    for route in routes():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} - set(route.methods):
            response = api.call(method, route.address)
            assert response.status_code == 405, (method, route.path)
            assert set(response["Allow"].split(", ")) - {"HEAD"} == set(route.methods)


def test_every_post_takes_an_idempotency_key() -> None:
    without = [
        route.path for route in routes()
        if "POST" in route.methods and not getattr(route.view.post, "is_idempotent", False)
    ]  # fmt: skip
    assert without == []


def test_missing_wrong_revoked_and_foreign_keys_are_refused(
    acme: Retailer, globex: Retailer, api_key: Callable[..., str]
) -> None:
    revoked = api_key(acme)
    with context.in_retailer(acme):
        ApiKey.objects.update(revoked=True)
    for key in (None, "nonsense", "abc.def", revoked, api_key(globex), api_key(acme) + "x", "x" * 500):
        response = Api(acme, key).get("customers/")
        assert problem(response)[0] == 401, key
        assert response["WWW-Authenticate"] == "Api-Key"
    for header in ("Bearer x", "Api-Key", "Api-Key ", "Basic YTpi", api_key(acme)):
        assert Api(acme, None).get("customers/", authorization=header).status_code == 401, header


def test_what_one_retailer_has_is_unknown_to_the_other(
    acme: Retailer, globex: Retailer, api_of: Callable[..., Api]
) -> None:
    with context.in_retailer(acme):
        factories.customers(1)
        factories.segment("leeds", {"attribute": "city", "eq": "Leeds"})
        run = configuration.launch(factories.campaign("welcome"), by="test", now=timezone.now())
        factories.campaign("never")
    ours, theirs = api_of(acme), api_of(globex)
    for path in ("customers/c1/", "segments/leeds/", "templates/hello/", "campaigns/welcome/", f"runs/{run.pk}/"):
        assert ours.get(path).status_code == 200, path
        assert theirs.get(path).status_code == 404, path
        assert theirs.patch(path, {}).status_code in (404, 405), path
        assert theirs.delete(path).status_code in (404, 405), path
    for path in ("customers/", "segments/", "templates/", "campaigns/", "runs/", "suppressions/"):
        assert theirs.get(path).json()["results"] == [], path
    assert theirs.post("events/", {
        "event_id": "e", "external_id": "c1", "name": "order", "occurred_at": "2026-01-01T00:00:00Z"
    }).status_code == 400  # fmt: skip
    with context.in_retailer(globex):
        assert not Campaign.objects.exists()
        assert not Message.objects.exists()


@pytest.mark.parametrize("host", ["localhost", "nobody.localhost"])
def test_other_hosts_have_no_api(acme: Retailer, api_key: Callable[..., str], host: str) -> None:
    client = Client(headers={"host": host, "authorization": f"Api-Key {api_key(acme)}"})
    for path in ("customers/", *PUBLIC):
        assert client.get(f"/api/v1/{path}").status_code == 404


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["", "nothing/", "customers", "hooks/", "signals/", "campaigns/x/applaud/"])
def test_paths_that_do_not_exist_say_so(api: Api, method: str, path: str) -> None:
    assert problem(api.call(method, path)) == (404, [("", "not_found")])


def test_schema_and_its_page_need_no_key(acme: Retailer) -> None:
    stranger = Api(acme, None)
    schema = stranger.get("schema/").json()
    assert schema["openapi"].startswith("3.1")
    described = {path.removeprefix("/api/v1/").replace("{id}", "{pk}") for path in schema["paths"]}
    paths = {*SIGNED, *(route.path for route in routes())}
    assert described == {re.sub(r"<\w+:(\w+)>", r"{\1}", path) for path in paths}
    assert all("default" in each["responses"] for path in schema["paths"].values() for each in path.values())
    page = stranger.get("docs/")
    assert (page.status_code, page["Content-Type"]) == (200, "text/html; charset=utf-8")
    policy = page["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-eval'" in policy.split("; ")  # no inline script is needed: none is allowed
    assert b"<script>" not in page.content


def test_schema_tells_the_headers_of_each_change(acme: Retailer) -> None:
    schema = Api(acme, None).get("schema/").json()
    assert "X-Change-Reason" in schema["info"]["description"]

    def headers(path: str, method: str) -> set[str]:
        given = schema["paths"][f"/api/v1/{path}"][method]["parameters"]
        return {each["name"] for each in given if each["in"] == "header"}

    assert headers("campaigns/{key}/", "get") == set()
    assert headers("campaigns/{key}/", "put") == {"X-Change-Reason", "If-Match"}
    assert headers("templates/{key}/", "patch") == {"X-Change-Reason", "If-Match"}
    assert headers("policy/", "put") == {"X-Change-Reason", "If-Match"}
    assert headers("campaigns/{key}/approve/", "post") == {"X-Change-Reason", "If-Match", "Idempotency-Key"}
    assert headers("templates/{key}/publish/", "post") == {"X-Change-Reason", "Idempotency-Key"}
    assert headers("stop/", "post") == {"X-Change-Reason", "Idempotency-Key"}
    draft = schema["components"]["schemas"]["CampaignDraft"]
    assert (draft["required"], draft["if"]) == (["key", "name"], {"required": ["blueprint"]})
