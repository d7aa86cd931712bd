"""Accounts at providers as people keep them, whatever door they come through.

Writes   Provider, ProviderState (its breaker, closed by a change)
Promise  only what its kind can work with is stored; credentials are sealed, and told to nobody: the trail and every
         answer say only which are set
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Annotated, Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from campaigns import editing
from campaigns.config import gate
from campaigns.config.gate import Invalid, Problem
from campaigns.config.rules import ChannelName
from delivery.channels import KINDS
from delivery.channels.base import ChannelUnavailable
from delivery.channels.kinds import Kind
from delivery.models import Provider, ProviderState
from delivery.providers import opened, polled
from tenants import audit, bell, changes, context, sealing

KIND = "provider"
MOST = 50  # per retailer
SET, REPLACED = "set", "replaced"
Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Domain = Annotated[str, StringConstraints(to_lower=True, pattern=r"^(\*|[A-Za-z0-9][A-Za-z0-9.-]{0,251}[A-Za-z0-9])$")]


class Document(BaseModel):
    """An account as it is written; `settings` and `credentials` are what its kind says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Key
    channel: ChannelName
    kind: str
    settings: dict[str, Any] = {}
    credentials: dict[str, str | None] = {}
    priority: int = Field(100, ge=0, le=30_000)
    is_active: bool = True
    rate: float | None = Field(None, gt=0, le=100_000)
    max_per_day: int | None = Field(None, ge=0, le=2_000_000_000)
    per_domain: dict[Domain, Annotated[int, Field(gt=0, le=10_000_000)]] = Field({}, max_length=200)
    timeout: float = Field(15.0, ge=1, le=18)  # seconds: a hand-over has no more of its lease


_DOCUMENT: TypeAdapter[Document] = TypeAdapter(Document)
_PLAIN = ("key", "channel", "kind", "settings", "priority", "is_active", "rate", "max_per_day", "per_domain", "timeout")
_FIXED = ("key", "channel", "kind")
_RESERVED = ("kinds",)  # a path of the API


@transaction.atomic
def save(data: Mapping[str, Any], provider: Provider | None = None) -> Provider:
    """Make an account, or change one: `data` then has only what changes. Raises Invalid.

    Of `credentials`, those named are replaced, and None removes one; the others stay as they are. Where they would go
    elsewhere than before, all are to be given again: who may change an account need not know its secrets.
    """
    before = told(provider) if provider else None
    wanted = _parsed(data, provider)
    secret = _secret(wanted, provider)
    parts = {name: getattr(wanted, name) for name in _PLAIN}
    parts["settings"] = _settings(wanted)
    if provider:
        _check_where_secrets_go(provider, parts["settings"], wanted)
    retailer = context.current()
    candidate = Provider(pk=provider.pk if provider else None, **parts)
    candidate.credentials = sealing.seal(retailer, opened.PURPOSE, secret) if secret else ""
    _try_out(candidate)
    if provider is None:
        candidate.save(force_insert=True)
        ProviderState.objects.create(provider=candidate)
    else:
        fields = {name: getattr(candidate, name) for name in (*_PLAIN, "credentials")}
        Provider.objects.filter(pk=provider.pk).update(**fields, revision=F("revision") + 1, updated_at=Now())
        _close_breaker(provider.pk)
    candidate.refresh_from_db()
    after = told(candidate)
    after["credentials"] |= {name: REPLACED for name, value in wanted.credentials.items() if value}
    audit.note("edit" if provider else "create", KIND, candidate.key, before=before, after=after)
    changes.announce(retailer, f"{KIND} {candidate.key}")
    polled.expect(retailer, candidate)
    transaction.on_commit(bell.ring)
    return candidate


@transaction.atomic
def remove(provider: Provider) -> None:
    """What was sent with it stays in the ledger."""
    before, key = told(provider), provider.key
    provider.delete()
    audit.note("delete", KIND, key, before=before)
    changes.announce(context.current(), f"{KIND} {key}")


@transaction.atomic
def reseal() -> int:
    """Seal the retailer's credentials under the SECRET_KEY of now. How many accounts. Raises sealing.CannotUnseal."""
    retailer, found = context.current(), list(Provider.objects.exclude(credentials="").select_for_update())
    for provider in found:
        provider.credentials = sealing.resealed(retailer, opened.PURPOSE, provider.credentials)
    Provider.objects.bulk_update(found, ["credentials"])
    return len(found)


def told(provider: Provider) -> dict[str, Any]:
    """The account as plain data for anybody to see; of its credentials, which are set."""
    shown = {name: getattr(provider, name) for name in _PLAIN}
    return {**shown, "settings": dict(provider.settings), "credentials": which_are_set(provider)}


def which_are_set(provider: Provider) -> dict[str, str]:
    try:
        return {name: SET for name, value in _stored(provider).items() if value}
    except sealing.CannotUnseal:
        return {}


def kinds(channel: str) -> list[Kind]:
    """What can be configured for a channel here."""
    return [kind for kind in usable() if channel in kind.speaks]


def usable() -> list[Kind]:
    """What can be configured here: in production, nothing that is for development."""
    return [kind for kind in KINDS.values() if settings.DEVELOPMENT_PROVIDERS or not kind.for_development]


def schema(kind: Kind) -> dict[str, Any]:
    """JSON Schema of what a kind wants to be told."""
    parts = {"settings": kind.settings, "credentials": kind.credentials}
    return {"title": kind.label, "channels": list(kind.speaks)} | {
        name: model.model_json_schema() for name, model in parts.items()
    }


def _parsed(data: Mapping[str, Any], provider: Provider | None) -> Document:
    base = {name: getattr(provider, name) for name in _PLAIN} if provider else {}
    for name in _FIXED:
        if provider and name in data and data[name] != base[name]:
            raise Invalid([Problem(name, f"stays {base[name]!r}: make another provider instead", "immutable")])
    wanted: Document = gate.parse(_DOCUMENT, {**base, **dict(data)})
    if wanted.kind not in {kind.name for kind in kinds(wanted.channel)}:
        known = ", ".join(kind.name for kind in kinds(wanted.channel))
        raise Invalid([Problem("kind", f"for {wanted.channel} it is one of {known}", "unknown")])
    if wanted.key in _RESERVED:
        raise Invalid([Problem("key", "this word is taken by the API: choose another", "reserved")])
    if provider is None and Provider.objects.filter(key=wanted.key).exists():
        raise Invalid([Problem("key", "another provider has this key: choose another", "taken")])
    if provider is None and Provider.objects.count() >= MOST:
        raise Invalid([Problem("", f"there are {MOST} providers already: remove one first", "too_many")])
    return wanted


def _settings(wanted: Document) -> dict[str, Any]:
    with _below("settings"):
        return gate.dump(gate.parse(_adapter(KINDS[wanted.kind].settings), wanted.settings))


def _secret(wanted: Document, provider: Provider | None) -> dict[str, Any]:
    """The credentials in full, as they will be stored. Raises Invalid."""
    stored = _stored_or_none(provider) if provider else {}
    merged = {name: value for name, value in {**stored, **wanted.credentials}.items() if value is not None}
    with _below("credentials"):
        return gate.dump(gate.parse(_adapter(KINDS[wanted.kind].credentials), merged))


def _check_where_secrets_go(provider: Provider, after: Mapping[str, Any], wanted: Document) -> None:
    """Raises Invalid."""
    before, kind = provider.settings, KINDS[wanted.kind]
    fields = kind.settings.model_fields
    defaults = {name: field.get_default(call_default_factory=True) for name, field in fields.items()}
    moved = {name for name in defaults if before.get(name, defaults[name]) != after.get(name, defaults[name])}
    problems = []
    for name in which_are_set(provider):
        led = [lead for lead in kind.leads_of(name) if lead in moved]
        if led and name not in wanted.credentials:
            cure = f"settings.{led[0]} changes where it is sent: enter it again"
            problems.append(Problem(f"credentials.{name}", cure, "needed_again"))
    if problems:
        raise Invalid(problems)


def _stored(provider: Provider) -> dict[str, Any]:
    if not provider.credentials:
        return {}
    return sealing.unseal(context.current(), opened.PURPOSE, provider.credentials)


def _stored_or_none(provider: Provider) -> dict[str, Any]:
    """What can still be read: what cannot is asked for anew."""
    try:
        return _stored(provider)
    except sealing.CannotUnseal:
        return {}


@cache
def _adapter(model: type[BaseModel]) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def _try_out(candidate: Provider) -> None:
    """What only the whole account shows, such as a user name without a password."""
    try:
        opened.fresh(context.current(), candidate).close()
    except ChannelUnavailable as error:
        words = str(error).removeprefix(f"{candidate.key}: ")
        field, _, rest = words.partition(": ")
        is_named = field.startswith(("settings.", "credentials."))
        raise Invalid([Problem(field if is_named else "settings", rest if is_named else words)]) from None


def _close_breaker(provider_id: int) -> None:
    ProviderState.objects.filter(pk=provider_id).update(
        failures=0, tried=0, failed=0, since=None, opened_at=None, retry_at=None, openings=0, probe_until=None, error=""
    )


@contextmanager
def _below(field: str) -> Iterator[None]:
    """Problems of the block are about parts of a field."""
    try:
        yield
    except Invalid as invalid:
        raise Invalid(editing.within(field, invalid.problems)) from None
