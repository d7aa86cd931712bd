"""Providers' webhooks in, and mail that came back: proved to be theirs, kept as they came, answered. What they mean is
worked out afterwards.

Reads    Provider
Writes   RawSignal, and the agenda in its transaction
Promise  what was acknowledged is kept, whatever dies afterwards; what its provider did not sign leaves nothing
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from django.core.exceptions import RequestDataTooBig
from django.db import connection, transaction
from django.http import HttpRequest
from django.utils import timezone

from delivery import folding
from delivery.channels.base import ChannelUnavailable
from delivery.channels.signals import Forged, Unreadable, WebhookRequest
from delivery.models import Provider
from delivery.providers import opened
from delivery.recording import Recorder
from tenants import agenda, context
from tenants.models import Retailer

MOST_BYTES = 2 * 1024 * 1024
_SECRET = ("authorization", "cookie", "proxy-authorization")


class _Post(NamedTuple):
    """A post as it is kept; `headers` is a document."""

    provider: str
    url: str
    headers: str
    body: bytes


class UnknownProvider(LookupError):
    """The retailer has no provider of that name, or one that cannot be opened any more."""


class Unmeasured(ValueError):
    """A post whose Content-Length is no number."""

    def __init__(self) -> None:
        super().__init__("must be the number of bytes that the post has")


def receive(retailer: Retailer, key: str, request: WebhookRequest) -> None:
    """Keep a post until it is folded. Raises UnknownProvider, Forged, and ChannelUnavailable when it asks for something
    that cannot be done now: it is sent again.
    """
    provider = Provider.objects.filter(key=key).first()
    if provider is None:
        raise UnknownProvider(f"There is no provider {key!r}.")
    kept = _proved(retailer, provider, request)
    with transaction.atomic():
        _write(retailer, [kept])


def receive_together(retailer: Retailer, provider: Provider, request: WebhookRequest) -> bool:
    """As `receive`, with those of others that come at the same time; whether it is committed. False says nothing."""
    with context.in_retailer(retailer):
        kept = _proved(retailer, provider, request)
    return _recorder.keep(retailer, kept)


def receive_mails(retailer: Retailer, mails: Sequence[WebhookRequest], provider: Provider | None = None) -> int:
    """Keep mails that came back until they are folded, each as a post of the account whose return path it came to:
    `provider`, or whichever it is. How many those were; the others leave nothing. Raises UnknownProvider when an
    account that it may be of cannot be opened now.
    """
    accounts = [provider] if provider else _with_return_paths()
    kept = [post for mail in mails if (post := _of_one(retailer, accounts, mail)) is not None]
    if kept:
        with transaction.atomic():
            _write(retailer, kept)
    return len(kept)


def as_it_came(request: HttpRequest) -> WebhookRequest:
    """Raises RequestDataTooBig, and Unmeasured."""
    said = request.META.get("CONTENT_LENGTH") or "0"
    if not (said.isascii() and said.isdecimal()):
        raise Unmeasured
    if int(said) > MOST_BYTES:
        raise RequestDataTooBig
    headers = {name.lower(): value for name, value in request.headers.items()}
    return WebhookRequest(request.body, headers, request.build_absolute_uri())


def _proved(retailer: Retailer, provider: Provider, request: WebhookRequest) -> _Post:
    try:
        channel = opened.channel(retailer, provider)
        channel.verify(request)
    except ChannelUnavailable as problem:
        raise UnknownProvider(str(problem)) from None
    except Unreadable as problem:
        raise Forged(f"It holds no signature: {problem}.") from None
    channel.confirm(request)
    headers = {name: value for name, value in request.headers.items() if name not in _SECRET}
    return _Post(provider.key, request.url[:2000], json.dumps(headers), request.body)


def _with_return_paths() -> list[Provider]:
    found = Provider.objects.filter(kind="smtp").order_by("priority", "key")
    return [provider for provider in found if provider.settings.get("bounce_domain")]


def _of_one(retailer: Retailer, accounts: Sequence[Provider], mail: WebhookRequest) -> _Post | None:
    shut: UnknownProvider | None = None
    for provider in accounts:
        try:
            return _proved(retailer, provider, mail)
        except UnknownProvider as problem:
            shut = problem
        except Forged:
            continue
    if shut:
        raise shut
    return None


def _write(retailer: Retailer, posts: Sequence[_Post]) -> None:
    """In a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, [list(column) for column in zip(*posts, strict=True)])
    agenda.announce(retailer, folding.AGENDA_KIND, 0, due_at=timezone.now())


def _write_together(retailer: Retailer, posts: Sequence[_Post]) -> None:
    with transaction.atomic():
        _write(retailer, posts)


_KEEP = """
INSERT INTO delivery_rawsignal (provider, url, headers, body)
SELECT * FROM unnest(%s::text[], %s::text[], %s::jsonb[], %s::bytea[])
"""
_recorder = Recorder(_write_together)
