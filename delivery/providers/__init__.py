"""Which account delivers a retailer's channel: the first by priority that works and has room, and who stands by.

Where a retailer has configured none for e-mail, the platform's mail server (EMAIL_URL) delivers.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import DateTimeField
from django.db.models.expressions import RawSQL

from delivery import breaker, volume
from delivery.allowance import Allowance
from delivery.breaker import Breaker
from delivery.channels import CHANNELS, KINDS
from delivery.channels.base import Channel, ChannelUnavailable, Outcome
from delivery.models import Provider
from delivery.providers import opened
from tenants import context
from tenants.models import Retailer

_NOW = RawSQL("clock_timestamp()", [], output_field=DateTimeField())
_MOST_URLS = 8  # of the built-in inbox, which listens elsewhere after each start


class _Platform(threading.local):
    def __init__(self) -> None:
        self.channels: dict[str, Channel] = {}


_platform = _Platform()


@dataclass(frozen=True)
class Chosen:
    """The account for a batch. `breaker` and `allowance` are None for the platform's own server."""

    channel: Channel
    breaker: Breaker | None = None
    allowance: Allowance | None = None
    has_stand_by: bool = False

    @property
    def is_probe(self) -> bool:
        """Whether it is only tried: with one message, before any more."""
        return self.breaker is not None and self.breaker.is_probe

    def note(self, outcomes: Sequence[Outcome]) -> None:
        if self.breaker:
            self.breaker.note(outcomes)

    def leave(self) -> None:
        """Nothing more is to be handed over: where it was to be tried and was not, another one may."""
        if self.breaker:
            self.breaker.leave()

    def refused(self, refusal: ChannelUnavailable) -> ChannelUnavailable:
        """Nothing was handed over: what that means for the batch, which another account may take over at once."""
        if self.breaker is None:
            return refusal
        self.breaker.refuse(refusal)
        if self.has_stand_by and self.breaker.is_resting:
            return ChannelUnavailable(f"{refusal} Another provider takes over.", retry_after=0.0)
        return refusal

    def must_rest(self) -> bool:
        """Whether the account is to be left alone from now on."""
        return self.breaker is not None and self.breaker.must_rest()


def choose(retailer: Retailer, name: str, form: str = "") -> Chosen:
    """The account that the retailer's next batch of a channel goes to, if need be for one form of address.

    Raises ChannelUnavailable.
    """
    return _chosen(retailer, name, form, may_probe=True)


def channel(retailer: Retailer, name: str, form: str = "") -> Channel:
    """The retailer's channel of that name, for a look or a single message: if need be, of an account that is to rest.

    Raises ChannelUnavailable.
    """
    return _chosen(retailer, name, form, may_probe=False).channel


def account(retailer: Retailer, name: str, key: str) -> tuple[Chosen, datetime] | None:
    """The account of that key, to ask it about what it was given, and since when it has been as it is.

    None where a channel has none any more; and the platform's own server can be asked nothing. Raises
    ChannelUnavailable while it is to be left alone.
    """
    known = Provider.objects.filter(channel=name, key=key).select_related("state").annotate(now=_NOW)
    provider: Any = known.first()
    if provider is None:
        return None
    if wait := _wait(provider, retailer):
        until, why = wait
        pause = max(0.0, (until - provider.now).total_seconds())
        raise ChannelUnavailable(f"{why}.", retry_after=pause)
    if provider.state.opened_at and not breaker.claim_probe(provider.pk):
        raise ChannelUnavailable(f"{provider.key} is being tried.", retry_after=1.0)
    return _ready(provider, retailer, has_stand_by=False), provider.updated_at


def of_the_platform() -> Channel:
    """The platform's own mail server, for what the platform itself has to say. Raises ChannelUnavailable."""
    return _of_the_platform("email").channel


def email_url() -> str:
    """EMAIL_URL, or where the built-in inbox listens. Raises ChannelUnavailable when it does not run."""
    if settings.EMAIL_URL:
        return str(settings.EMAIL_URL)
    file = settings.BANNERLINE_HOME / "inbox.json"  # written by the built-in inbox when it starts to listen
    try:
        address = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        raise ChannelUnavailable(
            "No mail server is configured: set EMAIL_URL (smtp://user:password@host:port), or start the built-in "
            "inbox with `manage.py up`."
        ) from None
    return f"smtp://{address['host']}:{address['port']}"


def _chosen(retailer: Retailer, name: str, form: str, *, may_probe: bool) -> Chosen:
    if context.acts_for(retailer):  # as in every worker: to go there costs another statement
        return _first_usable(retailer, name, form, may_probe=may_probe)
    with context.in_retailer(retailer):
        return _first_usable(retailer, name, form, may_probe=may_probe)


def _first_usable(retailer: Retailer, name: str, form: str, *, may_probe: bool) -> Chosen:
    if not _has_any(name):
        return _of_the_platform(name)
    known = Provider.objects.filter(channel=name).select_related("state").annotate(now=_NOW)
    found = list(known.order_by("priority", "key"))
    active: list[Any] = [provider for provider in found if provider.is_active]
    if not active:
        cure = "enable one under Settings, Providers"
        raise ChannelUnavailable(f"Every provider for {name} is switched off: {cure}.", permanent=True)
    active = [provider for provider in active if _takes(provider, form)]
    if not active:
        cure = "add one under Settings, Providers"
        raise ChannelUnavailable(f"No provider for {name} delivers to a {form}: {cure}.", permanent=True)
    waits: list[tuple[datetime, str]] = []
    for number, provider in enumerate(active):
        wait = _wait(provider, retailer)
        if wait is None and provider.state.opened_at and may_probe and not breaker.claim_probe(provider.pk):
            wait = provider.now + timedelta(seconds=1), f"{provider.key} is being tried"
        if wait is None:
            return _ready(provider, retailer, has_stand_by=number + 1 < len(active))
        waits.append(wait)
    if not may_probe:
        return _ready(active[0], retailer, has_stand_by=False)
    until, _ = min(waits)
    why = "; ".join(reason for _, reason in waits)
    pause = max(0.0, (until - active[0].now).total_seconds())
    raise ChannelUnavailable(f"No provider for {name} can be used now: {why}.", retry_after=pause)


def _takes(provider: Any, form: str) -> bool:
    kind = KINDS.get(provider.kind)
    return not form or kind is None or kind.takes in ("", form)


def _has_any(name: str) -> bool:
    """Asked for every batch, also of retailers who have none: a tenth of what the whole question costs."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM delivery_provider WHERE channel = %s)", [name])
        return bool(cursor.fetchone()[0])


def _wait(provider: Any, retailer: Retailer) -> tuple[datetime, str] | None:
    """Until when a provider cannot be used, and why; None when it can."""
    state, today = provider.state, provider.now.astimezone(retailer.tzinfo).date()
    if state.opened_at and state.retry_at > provider.now:
        return state.retry_at, f"{provider.key} fails ({state.error})"
    if provider.max_per_day is not None and state.day == today and state.used >= provider.max_per_day:
        midnight = volume.begins_at(today + timedelta(days=1), retailer.tzinfo)
        return midnight, f"{provider.key} has had its {provider.max_per_day:,} messages of the day"
    return None


def _ready(provider: Any, retailer: Retailer, *, has_stand_by: bool) -> Chosen:
    state = provider.state
    is_clean = state.failures == 0 and state.opened_at is None
    known = Breaker(provider.pk, is_clean=is_clean, is_probe=state.opened_at is not None)
    return Chosen(opened.channel(retailer, provider), known, _allowance(provider, retailer), has_stand_by)


def _allowance(provider: Any, retailer: Retailer) -> Allowance | None:
    per_domain = provider.per_domain if provider.channel == "email" else {}  # elsewhere an address has no domain
    if provider.rate is None and provider.max_per_day is None and not per_domain:
        return None
    today = provider.now.astimezone(retailer.tzinfo).date()
    midnight = volume.begins_at(today + timedelta(days=1), retailer.tzinfo)
    limits = (provider.rate, provider.max_per_day, per_domain)
    return Allowance(provider.pk, provider.key, *limits, today, midnight)


def _of_the_platform(name: str) -> Chosen:
    if name != "email":
        cure = "add one under Settings, Providers"
        raise ChannelUnavailable(f"No provider is configured for {name}: {cure}.", permanent=True)
    return Chosen(_account(email_url()))


def _account(url: str) -> Channel:
    """One of this thread's own: a connection carries one dialogue at a time."""
    found = _platform.channels.get(url)
    if found is None:
        if len(_platform.channels) >= _MOST_URLS:
            _platform.channels.pop(next(iter(_platform.channels))).close()
        found = _platform.channels[url] = _of_url(url)
    return found


def _of_url(url: str) -> Channel:
    scheme = url.partition(":")[0].lower()
    if scheme not in CHANNELS:
        known = ", ".join(f"{name}://" for name in CHANNELS)
        raise ChannelUnavailable(f"EMAIL_URL begins with {scheme}://; it must be one of {known}.", permanent=True)
    try:
        return CHANNELS[scheme](url)
    except ValueError as error:
        raise ChannelUnavailable(f"EMAIL_URL: {error}", permanent=True) from error


__all__ = ["Chosen", "channel", "choose", "email_url", "of_the_platform", "opened"]
