"""Opens and clicks: `/t/o/{token}` is answered with a picture, `/t/c/{token}` with where the link leads.

Answered before anything else of a request is looked at: there are thousands of them a second, with no session, no
cookie and no page. Once the answer is on its way, what happened is kept. A click leads on even where it could not be
kept in time; a picture is then refused, so that whoever fetches it may ask again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.http.request import split_domain_port
from django.utils.encoding import iri_to_uri

from delivery import recording, signals, tracking
from delivery.identity import BadToken
from delivery.models import Signal
from delivery.signals import Heard
from tenants import context
from tenants.models import Domain, Retailer

PREFIX = "/t/"
REMEMBERED = 5.0  # seconds that a host's retailer is known for
MOST_HOSTS = 10_000
MOST_HITS = 60  # of one message in a minute that are kept: more is nobody reading
_PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")


class HitMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return answer(request) if request.path_info.startswith(PREFIX) else self.get_response(request)


def answer(request: HttpRequest) -> HttpResponse:
    kind, _, said = request.path_info.removeprefix(PREFIX).partition("/")
    try:
        response = _answered(request, kind, said)
    except Error:  # who knows whose it is, or where it leads
        response = HttpResponse(status=503, headers={"Retry-After": "60", **_HEADERS})
    response["Content-Length"] = str(len(response.content))  # no middleware below says so, and connections are kept
    return response


def _answered(request: HttpRequest, kind: str, said: str) -> HttpResponse:
    retailer = _hosts.retailer(request)
    if retailer is None or kind not in ("o", "c"):
        return _nothing()
    if request.method not in ("GET", "HEAD"):
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    try:
        hit = tracking.read_open(retailer, said) if kind == "o" else tracking.read_click(retailer, said)
    except BadToken:
        return _nothing()
    is_kept = recording.keep(retailer, _heard(request, hit)) if _flood.lets(retailer, hit.message_id) else True
    if hit.link is not None:
        return HttpResponse(status=302, headers={"Location": iri_to_uri(hit.url), **_HEADERS})
    if not is_kept:
        return HttpResponse(status=503, headers={"Retry-After": "60", **_HEADERS})
    return HttpResponse(_PIXEL, content_type="image/gif", headers=_HEADERS)


def _nothing() -> HttpResponse:
    return HttpResponse("There is nothing here.", status=404, content_type="text/plain", headers=_HEADERS)


def _heard(request: HttpRequest, hit: tracking.Hit) -> Heard:
    """Fetched twice within a second from one place, it was fetched once."""
    at = datetime.now(UTC)
    network, agent = signals.network(_address(request)), request.META.get("HTTP_USER_AGENT", "")[:200]
    kind = Signal.Kind.OPEN if hit.link is None else Signal.Kind.CLICK
    event = f"{hit.message_id}/{hit.link}/{int(at.timestamp())}/{network}/{agent}"
    return Heard(hit.message_id, kind, signals.LINK, event, at=at, link=hit.link, network=network, user_agent=agent,
                 detail="head" if request.method == "HEAD" else "")  # fmt: skip


def _address(request: HttpRequest) -> str:
    """Of whoever asked, as our own proxy saw it where there is one: what is said before that anybody can write."""
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.SECURE_PROXY_SSL_HEADER else ""
    return forwarded.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", "")


class _Hosts:
    """Which retailer's a host is, known for some seconds: without the database, what was known goes on."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Retailer, float]] = {}

    def retailer(self, request: HttpRequest) -> Retailer | None:
        host = split_domain_port(request.META.get("HTTP_HOST", ""))[0].lower().rstrip(".")
        known = self._known.get(host)
        if known and known[1] > time.monotonic():
            return known[0]
        try:
            with context.on_platform():
                domain = Domain.objects.select_related("tenant").filter(domain=host).first()
        except Error:
            if known is None:
                raise
            return known[0]
        if domain is None or not domain.tenant.is_active:
            self._known.pop(host, None)
            return None
        if len(self._known) >= MOST_HOSTS:
            self._known.clear()
        self._known[host] = (domain.tenant, time.monotonic() + REMEMBERED)
        return self._known[host][0]


class _Flood:
    """Whether a hit of a message is kept: one link, asked for again and again, must not fill the table."""

    def __init__(self) -> None:
        self._minute, self._counts = 0, dict[tuple[int, int], int]()

    def lets(self, retailer: Retailer, message_id: int) -> bool:
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute, self._counts = minute, {}
        key = (retailer.pk, message_id)
        self._counts[key] = count = self._counts.get(key, 0) + 1
        return count <= MOST_HITS


_HEADERS = {"Cache-Control": "no-store, private", "X-Robots-Tag": "noindex", "Referrer-Policy": "no-referrer"}
_hosts, _flood = _Hosts(), _Flood()
