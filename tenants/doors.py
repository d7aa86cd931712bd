"""Who came in by the web: the audit trail names the signed-in person, and the API's views name the key."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from tenants import acting

SAFE = ("GET", "HEAD", "OPTIONS")
REASON_HEADER = "X-Change-Reason"
REASON_FIELD = "change_reason"


class ActingMiddleware:
    """Stands behind authentication. Whoever only looks is not looked up."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method in SAFE:
            return self.get_response(request)
        with acting.acting("somebody", "anonymous", _door(request.path), reason=_reason(request)):
            if request.user.is_authenticated:
                acting.identify(str(request.user), f"user:{request.user.pk}")
            return self.get_response(request)


def _door(path: str) -> str:
    return "api" if path.startswith("/api/") else "console" if path.startswith("/admin/") else "public"


def _reason(request: HttpRequest) -> str:
    """What the API's caller sent as a header; in the consoles, a field of the form."""
    given = request.headers.get(REASON_HEADER, "")
    if not given and request.path.startswith("/admin/"):
        given = request.POST.get(REASON_FIELD, "")
    return given.replace("\x00", "")
