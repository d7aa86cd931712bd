"""An integrator: calls one retailer's API with one key, and reads JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.test import Client

from tenants.models import Retailer

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer


class Api:
    """`api.get("customers/")`, `api.post("events/", {...}, idempotency_key="k")`. Headers are keyword arguments."""

    def __init__(self, retailer: Retailer | str, key: str | None) -> None:
        slug = retailer if isinstance(retailer, str) else retailer.slug
        headers = {"host": f"{slug}.localhost"} | ({"authorization": f"Api-Key {key}"} if key else {})
        self._client = Client(headers=headers, raise_request_exception=False)

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.call("POST", path, body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> Answer:
        return self.call("PUT", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Answer:
        return self.call("PATCH", path, body, **headers)

    def delete(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.call("DELETE", path, body, **headers)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """`body` is sent as JSON; bytes are sent as they are, None as nothing."""
        path = path if path.startswith(("/", "http://")) else f"/api/v1/{path}"
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        kind = sent.pop("content-type", "application/json")
        return self._client.generic(method, path, content, content_type=kind, headers=sent)


def problem(response: Answer) -> tuple[int, list[tuple[str, str]]]:
    """The status of a problem+json answer, and its errors as (field, code)."""
    assert response["Content-Type"] == "application/problem+json", response.content
    document = response.json()
    assert document["status"] == response.status_code
    return response.status_code, [(error["field"], error["code"]) for error in document["errors"]]


def sound(api: Api, key: str) -> list[str]:
    """The campaign may be published; the rules that have something to say of it all the same."""
    verdict = api.post(f"campaigns/{key}/validate/").json()
    findings = verdict.get("findings")
    assert verdict == {"valid": True, "errors": [], "findings": findings}
    return sorted({each["rule"] for each in findings})
