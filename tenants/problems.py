"""Errors of the API as `application/problem+json` (RFC 9457), with one entry per field."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. None for what is not the caller's doing: that stays a logged 500.

    What an exception has as `members`, a mapping, is told beside the standard members (RFC 9457, 3.2).
    """
    response = exception_handler(error, context)
    if response is None:
        return None
    response.data = {**getattr(error, "members", {}), **problem(response.status_code, list(_entries(_detail(error))))}
    response.content_type = "application/problem+json"
    return response


def problem(status: int, errors: list[dict[str, str]]) -> dict[str, Any]:
    title = HTTPStatus(status).phrase
    detail = "; ".join(f"{e['field']}: {e['message']}" if e["field"] else e["message"] for e in errors[:5])
    return {"type": "about:blank", "title": title, "status": status, "detail": detail or title, "errors": errors}


def _detail(error: Exception) -> Any:
    if isinstance(error, Http404):
        error = exceptions.NotFound(str(error) or None)
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    assert isinstance(error, exceptions.APIException)
    return error.detail


def _entries(detail: Any, path: str = "") -> Any:
    if isinstance(detail, dict):
        for key, value in detail.items():
            yield from _entries(value, f"{path}.{key}".strip(".") if key != "non_field_errors" else path)
    elif isinstance(detail, list):
        for index, value in enumerate(detail):
            yield from _entries(value, f"{path}.{index}".strip(".") if isinstance(value, dict) else path)
    else:
        yield {"field": path, "message": str(detail), "code": str(getattr(detail, "code", "invalid"))}
