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
        "changed_by": {"type": "string", "description": "Told when a draft was changed meanwhile: by whom."},
        "changes": {
            "type": "array",
            "description": "And what of it, since the draft that was read.",
            "items": {"$ref": "#/components/schemas/Difference"},
        },
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
    "description": "The ETag that was read: what moved on is not touched, and the answer (412) tells who changed what.",
    "schema": {"type": "string"},
}
_REASON = {
    "name": "X-Change-Reason",
    "in": "header",
    "description": "Why, in your words: kept beside the change in the audit trail.",
    "schema": {"type": "string", "maxLength": 500},
}
_NUMBERED = (
    "/campaigns/{key}/", "/templates/{key}/", "/publish/", "/launch/", "/submit/", "/approve/", "/send-back/",
    "/restore/", "/campaigns/{key}/blueprint/", "/policy/", "/defaults/",
)  # fmt: skip
_UNNUMBERED = ("/templates/{key}/publish/",)
_ABOUT = """
Every change of configuration is written down, with who made it; the header `X-Change-Reason` says why.

The configuration's own JSON Schemas (draft 2020-12), for editors and integrators: `schema/campaign/`, `schema/rule/`,
`schema/policy/` and `schema/defaults/`.
"""


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """drf-spectacular's hook: problems and headers, which no view describes by itself."""
    result["components"]["schemas"]["ProblemDocument"] = _PROBLEM
    result["info"]["description"] += f"\n{_ABOUT}"
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            operation["responses"]["default"] = _REFUSED
            operation.setdefault("parameters", [])
            if method == "post":
                operation["parameters"].append(_ONCE)
            if method != "get":
                operation["parameters"].append(_REASON)
            if method != "get" and path.endswith(_NUMBERED) and not path.endswith(_UNNUMBERED):
                operation["parameters"].append(_UNCHANGED)
    return result
