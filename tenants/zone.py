"""Clock times in the consoles: a retailer's people read and write their own time zone's, staff read UTC."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, tzinfo

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from tenants import context


class ZoneMiddleware:
    """Stands behind RetailerMiddleware, which says whose console it is. The API speaks in offsets and is left alone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith("/admin/"):
            return self.get_response(request)
        with timezone.override(_zone()):
            return self.get_response(request)


def _zone() -> tzinfo:
    try:
        return context.current().tzinfo
    except context.RetailerUnavailable:
        return UTC
