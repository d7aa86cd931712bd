"""Every route of the API, found in the URL configuration itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLResolver, get_resolver

PREFIX = "api/v1/"
SIGNED = ("signals/<slug:key>/",)  # by whoever posts there: no key of ours is asked for
PUBLIC = ("schema/", "docs/", *(f"schema/{name}/" for name in ("campaign", "rule", "policy", "defaults")))
METHODS = ("get", "post", "put", "patch", "delete")
_EXAMPLES = {
    "external_id": "c1",
    "sku": "s1",
    "key": "some-key",
    "pk": "1",
    "name": "tier",
    "number": "1",
    "digest": "0" * 64,
}


@dataclass(frozen=True)
class Route:
    """`path` is below /api/v1/, with converters as they are written in the code; `address` has examples for them."""

    path: str
    view: Any

    @property
    def address(self) -> str:
        return re.sub(r"<\w+:(\w+)>", lambda match: _EXAMPLES[match[1]], self.path)

    @property
    def methods(self) -> list[str]:
        return [method.upper() for method in METHODS if hasattr(self.view, method)]


def routes() -> list[Route]:
    """All but the public ones, the signed ones and the answer for unknown paths."""
    found = [Route(path.removeprefix(PREFIX), view) for path, view in _walk(get_resolver("marketing.urls"), "")]
    return [route for route in found if route.path and route.path not in (*PUBLIC, *SIGNED)]


def _walk(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, Any]]:
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _walk(entry, path)
        elif path.startswith(PREFIX):
            yield path, entry.callback.view_class  # type: ignore[attr-defined]
