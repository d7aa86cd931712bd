"""What the OpenAPI description says of every operation alike."""

from __future__ import annotations

from typing import Any

_PROBLEM = {
    "type": "object",
    "description": "RFC 9457, with one entry per field.",
    "required": ["type", "title", "status", "detail", "errors"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Problem"}},
    },
}
_REFUSED = {
    "description": "Refused, with the reasons.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
}
_ONCE = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Yours, one for each call: the same call repeated with it is answered again, and not done again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_UNCHANGED = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag of the draft that was read: a draft that moved on is not touched.",
    "schema": {"type": "string"},
}
_DRAFTS = ("/campaigns/{key}/", "/campaigns/{key}/publish/", "/campaigns/{key}/launch/")


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """drf-spectacular's hook: problems and headers, which no view describes by itself."""
    result["components"]["schemas"]["ProblemDocument"] = _PROBLEM
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            operation["responses"]["default"] = _REFUSED
            operation.setdefault("parameters", [])
            if method == "post":
                operation["parameters"].append(_ONCE)
            if method != "get" and path.endswith(_DRAFTS):
                operation["parameters"].append(_UNCHANGED)
    return result
