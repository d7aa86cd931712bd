"""Opens and clicks: `/t/o/{token}` is answered with a picture, `/t/c/{token}` with where the link leads.

Answered before anything else of a request is looked at: there are thousands of them a second, with no session, no
cookie and no page. A web server has them answered before Django makes a request of them (`ahead_of`); everybody else
comes by way of the middleware, to the same answer. What happened is kept before it is given. A click leads on even
where it could not be kept in time; a picture is then refused, so that whoever fetches it may ask again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.db import Error, close_old_connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.http.request import split_domain_port
from django.utils.encoding import iri_to_uri

from delivery import recording, signals, tracking
from delivery.identity import BadToken
from delivery.models import Signal
from delivery.signals import Heard
from tenants import context
from tenants.models import Domain, Retailer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PREFIX = "/t/"
REMEMBERED = 5.0  # seconds that a host's retailer is known for
MOST_HOSTS = 10_000
MOST_HITS = 60  # of one message in a minute that are kept: more is nobody reading
_PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")


class Answer(NamedTuple):
    status: HTTPStatus
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""


class HitMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        found = answer(request.META)
        return HttpResponse(found.body, status=found.status, headers=dict(found.headers))


def ahead_of(application: WSGIApplication) -> WSGIApplication:
    """What answers hits by itself, and hands everything else on."""

    def answering(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not environ.get("PATH_INFO", "").startswith(PREFIX):
            return application(environ, start_response)
        close_old_connections()  # as before any request of Django's
        found = answer(environ)
        start_response(_LINES[found.status], list(found.headers))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [found.body]

    return answering


def answer(environ: Mapping[str, Any]) -> Answer:
    """To a request by its WSGI environment."""
    kind, _, said = environ["PATH_INFO"].removeprefix(PREFIX).partition("/")
    try:
        return _answered(environ, kind, said)
    except Error:  # who knows whose it is, or where it leads
        return _LATER


def _answered(environ: Mapping[str, Any], kind: str, said: str) -> Answer:
    retailer = _hosts.retailer(environ.get("HTTP_HOST", ""))
    if retailer is None or kind not in ("o", "c"):
        return _NOTHING
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        return _ONLY_READ
    try:
        hit = tracking.read_open(retailer, said) if kind == "o" else tracking.read_click(retailer, said)
    except BadToken:
        return _NOTHING
    is_kept = recording.keep(retailer, _heard(environ, hit)) if _flood.lets(retailer, hit.message_id) else True
    if hit.link is not None:
        return _leading(hit.url)
    return _PICTURE if is_kept else _LATER


def _made(status: HTTPStatus, body: bytes = b"", **headers: str) -> Answer:
    """With its length: no middleware below says so, and connections are kept."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, tuple({**named, "Content-Length": str(len(body)), **_HEADERS}.items()), body)


@lru_cache(maxsize=1024)
def _leading(url: str) -> Answer:
    return _made(HTTPStatus.FOUND, Location=iri_to_uri(url), Content_Type="text/html; charset=utf-8")


def _heard(environ: Mapping[str, Any], hit: tracking.Hit) -> Heard:
    """Fetched twice within a second from one place, it was fetched once."""
    at = datetime.now(UTC)
    network, agent = _network(_address(environ)), environ.get("HTTP_USER_AGENT", "")[:200]
    kind = Signal.Kind.OPEN if hit.link is None else Signal.Kind.CLICK
    event = f"{hit.message_id}/{hit.link}/{int(at.timestamp())}/{network}/{agent}"
    return Heard(hit.message_id, kind, signals.LINK, event, at=at, link=hit.link, network=network, user_agent=agent,
                 detail="head" if environ["REQUEST_METHOD"] == "HEAD" else "")  # fmt: skip


def _address(environ: Mapping[str, Any]) -> str:
    """Of whoever asked, as our own proxy saw it where there is one: what is said before that anybody can write."""
    forwarded: str = environ.get("HTTP_X_FORWARDED_FOR", "") if settings.SECURE_PROXY_SSL_HEADER else ""
    return forwarded.rpartition(",")[2].strip() or environ.get("REMOTE_ADDR", "")


class _Hosts:
    """Which retailer's a host is, known for some seconds: without the database, what was known goes on."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Retailer, float]] = {}

    def retailer(self, said: str) -> Retailer | None:
        """`said` is the Host header."""
        host = split_domain_port(said)[0].lower().rstrip(".")
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
_LINES = {status: f"{status.value} {status.phrase}" for status in HTTPStatus}
_PICTURE = _made(HTTPStatus.OK, _PIXEL, Content_Type="image/gif")
_NOTHING = _made(HTTPStatus.NOT_FOUND, b"There is nothing here.", Content_Type="text/plain")
_ONLY_READ = _made(HTTPStatus.METHOD_NOT_ALLOWED, Allow="GET, HEAD")
_LATER = _made(HTTPStatus.SERVICE_UNAVAILABLE, Retry_After="60")
_network = lru_cache(maxsize=10_000)(signals.network)
_hosts, _flood = _Hosts(), _Flood()
