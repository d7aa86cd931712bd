"""Providers' posts, answered before the rest of the stack: an installation may get hundreds a second.

Only what is as it should be is answered here. Everything else goes the ordinary way, which reads afresh whose it is and
says what is wrong: delivery.api.signals. So does a post within somebody's transaction, where it belongs.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, UnreadablePostError
from django.http.request import split_domain_port

from delivery import receiving
from delivery.channels.base import ChannelUnavailable
from delivery.channels.signals import Forged
from delivery.models import Provider
from tenants import addresses, context
from tenants.models import Domain, Retailer

REMEMBERED = 1.0  # seconds that a provider's account is known for: so long a key that was taken away still counts
MOST_KNOWN = 10_000
_PATH = re.compile(r"/api/v1/signals/([-a-zA-Z0-9_]+)/")
_WRONG = (DisallowedHost, RequestDataTooBig, UnreadablePostError, receiving.Unmeasured, receiving.UnknownProvider,
          ChannelUnavailable, Forged, Error)  # fmt: skip
_Account = tuple[Retailer, Provider]


class PostMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        found = _PATH.fullmatch(request.path_info) if request.method == "POST" else None
        if found and _is_kept(request, found[1]):
            return HttpResponse(status=200, headers={"Content-Length": "0"})
        return self.get_response(request)


def _is_kept(request: HttpRequest, key: str) -> bool:
    """Kept twice, where this does not know of it in time, it is folded once."""
    if connection.in_atomic_block:
        return False
    try:
        host = split_domain_port(request.get_host())[0].lower().rstrip(".")
        account = _accounts.find(host, key, request.path)
        return account is not None and receiving.receive_together(*account, receiving.as_it_came(request))
    except _WRONG:
        return False


class _Accounts:
    """Whose a host and a provider's key are, known for a moment."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[_Account, float]] = {}

    def find(self, host: str, key: str, path: str) -> _Account | None:
        account, until = self._known.get((host, key), (None, 0.0))
        if account is not None and until > time.monotonic():
            return account
        found = _looked_up(host, key, path)
        if found is None:
            self._known.pop((host, key), None)
            return None
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[host, key] = (found, time.monotonic() + REMEMBERED)
        return found


def _looked_up(host: str, key: str, path: str) -> _Account | None:
    with context.on_platform():
        domain = Domain.objects.select_related("tenant").filter(domain=host).first()
    if domain is None or not domain.tenant.is_active or not addresses.serves(domain, path):
        return None
    with context.in_retailer(domain.tenant):
        provider = Provider.objects.filter(key=key).first()
    return (domain.tenant, provider) if provider else None


_accounts = _Accounts()
