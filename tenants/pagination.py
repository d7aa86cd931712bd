"""Pages of a list: keyed by the last row seen, so the thousandth costs what the first does."""

from __future__ import annotations

import base64
import re
from typing import Any

from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

PAGE, MOST = 100, 1000
_NUMBER = re.compile(rb"[0-9]{1,18}", re.ASCII)


class KeysetPagination(BasePagination):
    """`{"results": [...], "next": URL or null}`, oldest first; a view's `newest_first` turns that round."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        newest_first = getattr(view, "newest_first", False)
        limit = _limit(request.query_params.get("limit", str(PAGE)))
        cursor = request.query_params.get("cursor")
        if cursor is not None:
            queryset = queryset.filter(**{"pk__lt" if newest_first else "pk__gt": _position(cursor)})
        rows = list(queryset.order_by("-pk" if newest_first else "pk")[: limit + 1])
        self._next = None
        if len(rows) > limit:
            del rows[limit:]
            self._next = replace_query_param(request.build_absolute_uri(), "cursor", _cursor(rows[-1].pk))
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "next": self._next})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        following = {"type": ["string", "null"], "format": "uri", "description": "The next page; null on the last."}
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {"results": schema, "next": following},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        filters = [
            {"name": name, "in": "query", "description": text, "schema": {"type": "string"}}
            for name, text in getattr(view, "filters", {}).items()
        ]
        return [
            *filters,
            {
                "name": "limit",
                "in": "query",
                "description": "Rows on a page.",
                "schema": {"type": "integer", "minimum": 1, "maximum": MOST, "default": PAGE},
            },
            {
                "name": "cursor",
                "in": "query",
                "description": "Taken from `next`; opaque.",
                "schema": {"type": "string"},
            },
        ]


def _limit(given: str) -> int:
    number = int(given) if re.fullmatch(r"[0-9]{1,6}", given, re.ASCII) else 0
    if not 1 <= number <= MOST:
        raise _invalid("limit", f"must be a whole number from 1 to {MOST}")
    return number


def _cursor(key: int) -> str:
    return base64.urlsafe_b64encode(str(key).encode()).rstrip(b"=").decode()


def _position(cursor: str) -> int:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raw = b""
    if not _NUMBER.fullmatch(raw):
        raise _invalid("cursor", "is none of ours: follow `next`, or leave it out to begin again")
    return int(raw)


def _invalid(field: str, message: str) -> ValidationError:
    return ValidationError({field: [ErrorDetail(message, code="invalid")]})
