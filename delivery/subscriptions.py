"""Who hears of what by webhook: made, changed and removed, each through the same checks.

Reads    Subscription
Writes   Subscription, the audit trail
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction

from campaigns.config.gate import Invalid, Problem
from delivery.channels import guarded, standard_webhooks
from delivery.models import Subscription
from tenants import audit, context, sealing

PURPOSE = "subscription"
MOST = 20  # of one retailer
EVENTS = {
    "message.delivered": "A provider says that it arrived.",
    "message.bounced": "It came back.",
    "message.complained": "Its reader called it spam.",
    "message.opened": "A person opened it, the first time.",
    "message.unknown": "Of a transactional campaign: nobody knows whether it went out, and a person is to decide.",
    "message.clicked": "A person followed a link of it, each link once.",
    "customer.unsubscribed": "Somebody wants nothing more on a channel.",
    "run.started": "A campaign began to go out.",
    "run.paused": "It stopped for a while, with the reason.",
    "run.completed": "Everything went out.",
    "run.cancelled": "Somebody stopped it for good.",
    "run.failed": "It could not be carried out.",
}
_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_FIELDS = {"key", "url", "events", "is_active", "secret"}


@transaction.atomic
def save(given: Mapping[str, Any], subscription: Subscription | None = None) -> tuple[Subscription, str | None]:
    """The subscription and, where one was made, its secret: it is told once. Raises Invalid."""
    values = _checked(given, subscription)
    is_new = subscription is None
    found = subscription or Subscription(key=values["key"])
    before = {} if is_new else told(found)
    secret = values.pop("secret", None) or (_made() if is_new else None)
    for name, value in values.items():
        setattr(found, name, value)
    if secret:
        found.secret = sealing.seal(context.current(), PURPOSE, {"secret": secret})
    if found.is_active:
        found.error, found.failures, found.resting_until = "", 0, None
    found.save()
    audit.note("create" if is_new else "edit", "webhook", found.key, before=before, after=told(found))
    return found, secret


@transaction.atomic
def remove(subscription: Subscription) -> None:
    """What was still to be told is not told any more."""
    audit.note("delete", "webhook", subscription.key, before=told(subscription))
    subscription.delete()


@transaction.atomic
def rotate(subscription: Subscription) -> str:
    """A new secret; what goes out from now on is signed with it."""
    secret = _made()
    subscription.secret = sealing.seal(context.current(), PURPOSE, {"secret": secret})
    subscription.save(update_fields=["secret"])
    audit.note("edit", "webhook", subscription.key, after={"secret": "a new one"})
    return secret


def secret_of(subscription: Subscription) -> bytes:
    """Raises sealing.CannotUnseal."""
    kept = sealing.unseal(context.current(), PURPOSE, subscription.secret)
    return standard_webhooks.secret_bytes(kept["secret"])


def told(subscription: Subscription) -> dict[str, Any]:
    return {
        "key": subscription.key,
        "url": subscription.url,
        "events": list(subscription.events),
        "is_active": subscription.is_active,
        "error": subscription.error,
    }


def _made() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _checked(given: Mapping[str, Any], known: Subscription | None) -> dict[str, Any]:
    values: dict[str, Any] = {"is_active": True} if known is None else {}
    values |= {name: value for name, value in given.items() if name in _FIELDS}
    problems = [Problem(name, "is no field of a webhook: leave it out", "unknown") for name in set(given) - _FIELDS]
    problems += _of_a_new_one(values) if known is None else _of_a_known_one(values, known)
    for name, check in _CHECKS.items():
        if name in values:
            problems += check(values[name])
    if problems:
        raise Invalid(problems)
    if "events" in values:
        values["events"] = sorted(set(values["events"]))
    return values


def _of_a_new_one(values: Mapping[str, Any]) -> list[Problem]:
    missing = [name for name in ("key", "url", "events") if name not in values]
    problems = [Problem(name, "is required", "required") for name in missing]
    if "key" in values:
        problems += _of_key(values["key"])
    if Subscription.objects.count() >= MOST:
        problems.append(Problem("", f"There are {MOST} webhooks already: remove one first.", "too_many"))
    return problems


def _of_a_known_one(values: Mapping[str, Any], known: Subscription) -> list[Problem]:
    is_same = values.get("key", known.key) == known.key
    return [] if is_same else [Problem("key", "cannot be changed: make another webhook", "fixed")]


def _of_key(key: Any) -> list[Problem]:
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        return [Problem("key", "must be at most 40 small letters, digits, - and _", "invalid")]
    if Subscription.objects.filter(key=key).exists():
        return [Problem("key", "is taken: choose another", "taken")]
    return []


def _of_url(url: Any) -> list[Problem]:
    try:
        guarded.target(url if isinstance(url, str) else "", allow_private=settings.ALLOW_PRIVATE_ADDRESSES)
    except guarded.NotAllowed as problem:
        return [Problem("url", str(problem), "invalid")]
    return []


def _of_events(events: Any) -> list[Problem]:
    known = ", ".join(EVENTS)
    if not isinstance(events, list) or not events or not all(isinstance(each, str) for each in events):
        return [Problem("events", f"must be a list of some of: {known}", "invalid")]
    unknown = [each for each in events if each not in EVENTS]
    return [Problem("events", f"{each[:60]!r} is no event; there are: {known}", "unknown") for each in unknown[:5]]


def _of_secret(secret: Any) -> list[Problem]:
    try:
        standard_webhooks.secret_bytes(secret if isinstance(secret, str) else "")
    except ValueError as problem:
        return [Problem("secret", str(problem), "invalid")]
    return []


def _of_flag(value: Any) -> list[Problem]:
    return [] if isinstance(value, bool) else [Problem("is_active", "must be true or false", "invalid")]


_CHECKS = {"url": _of_url, "events": _of_events, "secret": _of_secret, "is_active": _of_flag}
