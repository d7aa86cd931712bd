"""Whatever is sent, the answer is a problem that names the place, never a crash."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pytest_django import Settings

from delivery.providers import accounts
from tenants import context
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api, problem
from tests.api.routes import routes

MAX_BODY = 10 * 1024 * 1024
WRITES = [(method, route) for route in routes() for method in route.methods if method not in ("GET", "DELETE")]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 1,}', "not JSON"),
        (b'{"customers": [1]} tail', "not JSON"),
        (b"\xff\xfe{}", "not JSON"),
        (b'"\xed\xa0\x80"', "not JSON"),
        (b'{"a": NaN}', "NaN is not a JSON value"),
        (b'{"a": -Infinity}', "not a JSON value"),
        (b'{"a": 1e400}', "too large"),
        (b'{"a": ' + b"9" * 101 + b"}", "more than 100 digits"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "the name 'c' stands twice"),
        (b"[" * 65 + b"]" * 65, "deeper than 64"),
        (b"[" * 100_000 + b"]" * 100_000, "deeper than 64"),
        (b'{"a":' * 100_000, "deeper than 64"),
        (b'{"a": "\x00"}', "not JSON"),
    ],
)
def test_body_that_is_no_clean_json_is_refused_by_every_write(api: Api, body: bytes, message: str) -> None:
    response = api.call("POST", "customers/bulk/", body)
    assert problem(response) == (400, [("", "parse_error")])
    assert message in response.json()["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (rb'{"customers": [{"external_id": "c1"}, {"external_id": "c\u0000"}]}', "customers.1.external_id"),
        (rb'{"customers": [{"attributes": {"note": ["\ud800"]}}]}', "customers.0.attributes.note.0"),
        (rb'{"customers": [{"\udc00": 1}]}', r"customers.0.'\udc00'"),
        (rb'"\u0000"', ""),
    ],
)
def test_text_that_is_no_text_is_refused_with_its_place(api: Api, body: bytes, field: str) -> None:
    assert problem(api.call("POST", "customers/bulk/", body)) == (400, [(field, "bad_text")])


def test_pairs_of_surrogates_and_a_byte_order_mark_are_text(api: Api) -> None:
    body = b"\xef\xbb\xbf" + json.dumps([{"external_id": "c1", "first_name": "\U0001f600"}]).encode()
    assert api.post("customers/bulk/", body).json()["counts"] == {"created": 1}
    assert api.get("customers/c1/").json()["first_name"] == "\U0001f600"


def test_body_too_large_is_413(api: Api) -> None:
    response = api.post("customers/bulk/", b'"' + b"x" * MAX_BODY + b'"')
    assert problem(response) == (413, [("", "too_large")])


def test_other_media_types_are_415_and_406(api: Api) -> None:
    for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"):
        assert problem(api.post("events/", b"a=1", content_type=kind))[0] == 415
    assert api.get("customers/", accept="text/html").status_code == 406


@pytest.mark.parametrize(
    "body", [None, [], "text", 5, 1.5, True, [[]], {"": ""}, {"customers": {}}, {"events": [None]}]
)
def test_wrong_shapes_are_told_by_every_write(api: Api, body: object) -> None:
    content = json.dumps(body).encode()
    for method, route in WRITES:
        response = api.call(method, route.address, content)
        assert response.status_code < 500, (method, route.path, response.content)
        if response.status_code >= 400:
            problem(response)


@pytest.mark.parametrize(
    "path",
    [
        "customers/%00/", "customers/?search=%00", "customers/?email=%00&email=x", "segments/a%00/", "runs/0/",
        "runs/99999999999999999999999999/", "runs/" + "9" * 5000 + "/", "campaigns/" + "k" * 500 + "/",
        "customers/" + "k" * 5000 + "/", "customers/%ff%fe/", "customers/?search=%ff", "runs/?state=%00",
        "runs/?campaign=x&state=nonsense", "suppressions/?address=%00", "suppressions/?address=x",
        "suppressions/?channel=fax", "campaigns/?state=%F0%9F%98%80", "customers/?limit=5&limit=%00", "?format=xml",
        "customers/?format=api", "audit/?kind=%00", "audit/?actor=%F0%9F%98%80&key=x",
    "campaigns/welcome/diff/?from=%00",
        "campaigns/welcome/diff/?to=" + "9" * 500,
        "campaigns/welcome/versions/99999999999999999999/", "schema/else/",
        "blueprints/..%2F..%2Fetc/", "blueprints/" + "k" * 5000 + "/",
        "schema/?lang=%00",
    "schema/?lang=../../etc", "docs/?script=1&lang=x",
    ],
)  # fmt: skip
def test_hostile_addresses_never_crash(api: Api, path: str) -> None:
    response = api.get(path)
    assert response.status_code in (200, 400, 404), response.content[:500]


RULE = {
    "all": [
        {"attribute": "city", "in": ["Leeds", "Hull"]},
        {"any": [{"not": {"segment": "welcome"}}, {"attribute": "attributes.size", "between": [1, 2.5]}]},
        {"event": "order", "count": {"gte": 2}, "within": "30d", "where": [{"property": "category", "eq": "wine"}],
         "sum": {"property": "value", "gte": 100}, "since": "2026-01-01T00:00:00Z"},
        {"consent": {"channel": "sms"}},
        {"sample": 0.1},
        {"attribute": "email", "contains": "x"},
    ]
}  # fmt: skip
CAMPAIGN = {
    "key": "welcome",
    "name": "Welcome",
    "goal": {"event": "order", "within": "7d"},
    "trigger": {"kind": "schedule", "at": "2026-12-01T09:00:00"},
    "audience": {"include": RULE, "exclude": {"segment": "welcome"}, "holdout": 0.05},
    "steps": [
        {"key": "a", "channel": "email", "template": "welcome",
         "variants": [{"key": "a", "subject": "Hi {{ customer.first_name }}", "content": {"headline": "x"}}],
         "optimise": {"method": "fixed", "waves": 1, "over": "4h", "floor": 0.05}},
        {"key": "b", "channel": "email", "template": "welcome", "after": {"step": "a", "delay": "2d"}},
    ],
    "timing": {"mode": "now", "window": ["09:00", "20:00"], "expire_after": "24h"},
    "limits": {"per_customer": {"messages": 3, "per": "7d"}},
    "topic": "promotions",
}  # fmt: skip
CUSTOMER = {
    "external_id": "c1", "email": "c1@example.test", "phone": "+442071838750", "timezone": "Europe/London",
    "locale": "en-GB", "country": "GB", "consent_email": True, "attributes": {"tier": "gold", "sizes": [1, 2]},
}  # fmt: skip
CONSENT = {
    "channel": "sms", "topic": "news", "granted": False, "said_at": "2026-01-02T03:04:05+02:00", "source": "till 4",
    "text": "News by SMS?\nYes please",
}  # fmt: skip
PRODUCT = {
    "sku": "p1", "name": "Loaf", "url": "https://shop.example/loaf", "image_url": "http://img.example/1.png",
    "price": "4.20", "currency": "GBP", "category": "bakery", "availability": "in_stock",
}  # fmt: skip
EVENT = {
    "event_id": "e1", "external_id": "c1", "name": "order", "occurred_at": "2026-01-02T03:04:05+02:00", "value": 12.5,
    "currency": "EUR", "properties": {"category": "wine", "items": [{"sku": 1}]},
}  # fmt: skip
TEMPLATE = {
    "key": "welcome", "name": "W", "channel": "email", "subject": "Hi {{ customer.first_name | default('you') }}",
    "preheader": "p", "html": "<p>{% for x in [1, 2] %}{{ x }}{% endfor %}</p>", "text": "Hi",
}  # fmt: skip
DEFAULTS = {
    "topic": "news", "goal": {"event": "order", "within": "7d"},
    "limits": {"per_customer": {"messages": 3, "per": "7d"}},
    "audience": {"holdout": 0.1, "exclude": {"segment": "welcome"}},
    "timing": {"mode": "now", "window": ["09:00", "20:00"], "expire_after": "24h"},
}  # fmt: skip
POLICY = {
    "channels": ["email", "sms"], "sender_domains": ["example.test"], "template_features": ["conditions", "loops"],
    "per_customer": [{"messages": 9, "per": "1d"}], "quiet_hours": [["22:00", "06:00"]], "max_per_day": 1000,
    "min_holdout": 0.01, "universal_holdout": 0.02, "max_discount": 50, "footer": [], "approval": False,
}  # fmt: skip
PROVIDER = {
    "key": "relay",
    "channel": "sms",
    "kind": "http_sms",
    "settings": {
        "url": "https://sms.example/",
        "body": {"to": "{recipient}", "text": ["{text}"]},
        "statuses": {"a": "delivered"},
    },
    "credentials": {"token": "x"},
    "per_domain": {"*": 60},
}
GOOD = [
    ("POST", "customers/bulk/", {"customers": [CUSTOMER, CUSTOMER]}),
    ("PATCH", "customers/c1/", CUSTOMER),
    ("POST", "customers/c1/consents/", CONSENT),
    ("POST", "customers/c1/consents/", {"consents": [CONSENT, CONSENT]}),
    ("POST", "customers/c1/devices/", {"address": "a token"}),
    ("DELETE", "customers/c1/devices/", {"address": "a token"}),
    ("POST", "products/bulk/", {"products": [PRODUCT, PRODUCT]}),
    ("PATCH", "products/p1/", PRODUCT),
    ("POST", "events/", EVENT),
    ("POST", "events/", {"events": [EVENT]}),
    ("PUT", "segments/welcome/", {"key": "welcome", "name": "W", "description": "", "rule": {"not": {"all": []}}}),
    ("POST", "segments/preview/", {"rule": RULE}),
    ("PUT", "templates/welcome/", TEMPLATE),
    ("POST", "templates/welcome/preview/", {"data": {"customer": CUSTOMER, "content": {"a": 1}}}),
    ("POST", "templates/welcome/preview/", {"external_id": "c1"}),
    ("POST", "templates/welcome/rollback/", {"version": 1}),
    ("PUT", "seedlists/welcome/", {"key": "welcome", "name": "W", "addresses": ["a@example.test"]}),
    ("POST", "campaigns/welcome/test/", {"to": ["a@example.test"], "customer": "c1", "variants": ["a"]}),
    ("POST", "campaigns/welcome/publish/", {"into_running": False}),
    ("POST", "campaigns/welcome/submit/", {"note": "x"}),
    ("POST", "campaigns/welcome/approve/", {"answer": "x"}),
    ("POST", "campaigns/welcome/send-back/", {"answer": "x"}),
    ("POST", "campaigns/welcome/stop/", {"reason": "x"}),
    ("POST", "blueprints/winback/instantiate/", {"key": "mine", "name": "Mine"}),
    ("PUT", "defaults/", DEFAULTS),
    ("PUT", "policy/", POLICY),
    ("PUT", "campaigns/welcome/", CAMPAIGN),
    ("PATCH", "campaigns/welcome/", CAMPAIGN),
    ("POST", "campaigns/welcome/validate/", CAMPAIGN),
    ("POST", "campaigns/welcome/pause/", {"reason": "x"}),
    ("POST", "suppressions/", {"channel": "email", "address": "a@example.test", "reason": "manual"}),
    ("DELETE", "suppressions/", {"channel": "sms", "address": "+442071838750"}),
    ("POST", "providers/welcome/test/", {"to": "x"}),  # before the stop, which holds for tests too
    ("PATCH", "senders/acme.example/", {"selectors": ["s1"]}),
    ("POST", "senders/acme.example/warm-up/", {"act": "begin", "start": 100, "days": 30, "peak": 900, "reason": "x"}),
    ("POST", "stop/", {"reason": "x"}),
    ("POST", "providers/", PROVIDER),
    ("PATCH", "providers/relay/", PROVIDER),
]
TEXTS = st.text(max_size=10) | st.sampled_from(
    ["hello", "welcome", "email", "api", "30d", "99999w", "2026-02-30T25:00:00", "9999-12-31T23:59", "0001-01-01",
     "{{", "{% if %}", "{{ customer }}", "{{ customer.attributes.x.y }}", "{% set x = 1 %}", "{{ 9 ** 9 ** 9 }}", "%s%"]
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**40), 10**40), st.floats(allow_nan=False, allow_infinity=False), TEXTS
)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    entries = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for name, value in entries:
        yield from places(value, (*path, name))


def replaced(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[path[0]] = replaced(document[path[0]], path[1:], value)
    return copy


def requests() -> st.SearchStrategy[tuple[str, str, Any]]:
    """A good request with one place of its body replaced by anything."""
    targets = [(method, path, body, place) for method, path, body in GOOD for place in places(body)]
    return st.tuples(st.sampled_from(targets), DOCUMENTS).map(
        lambda drawn: (drawn[0][0], drawn[0][1], replaced(drawn[0][2], drawn[0][3], drawn[1]))
    )


def test_bodies_to_be_spoilt_are_good_ones(api: Api, world: None) -> None:
    for method, path, body in GOOD:
        assert api.call(method, path, body).status_code in (200, 201, 204, 404, 409), (method, path)


@examples(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
@given(request=requests())
def test_no_spoilt_body_crashes(api: Api, world: None, request: tuple[str, str, Any]) -> None:
    response = api.call(*request)
    assert response.status_code < 500, (request, response.content[:1000])


@pytest.fixture
def world(acme: Retailer, settings: Settings) -> None:
    """Something of every kind under the key `welcome`, and the customer c1."""
    settings.EMAIL_URL = "memory://world"
    with context.in_retailer(acme):
        factories.customers(1)
        factories.template("welcome")
        accounts.save({"key": "welcome", "channel": "push", "kind": "memory"})
        factories.segment("welcome", {"all": []})
        factories.campaign("welcome")
