"""What providers tell us afterwards, in our own words: plain values, whoever sent them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

SHORT = timedelta(minutes=5)  # that a signature may be old, where it does not cover what is told
LONG = timedelta(days=1)  # where it does: providers try again for hours with what they signed at first


class SignalKind(StrEnum):
    DELIVERED = "delivered"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    OPEN = "open"
    CLICK = "click"
    UNSUBSCRIBE = "unsubscribe"
    REPLY = "reply"  # somebody wrote back: `recipient` is who, `detail` what
    UNKNOWN = "unknown"  # kept for people to read: it changes nothing


class Forged(Exception):
    """The request does not prove that the provider sent it."""


class NoSignals(Forged):
    """The provider sends no signals, or nothing was configured to tell its own from forged ones."""


class Unreadable(ValueError):
    """A verified request is not what the provider's documentation says."""


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A provider's call as it came in. Names of headers are in lower case; `url` is the one it was sent to."""

    body: bytes
    headers: Mapping[str, str]
    url: str = ""

    def json(self) -> Any:
        """Raises Unreadable."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise Unreadable(f"the body is not JSON: {error}") from None


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing that happened to one message.

    `event_id` is the provider's own, or made of the event where it has none: the same event has the same id however
    often it is sent. `key` is the message's public id where the provider gives it back, `provider_id` the provider's.
    `is_hard` is for a bounce: the address will never work. `raw` is the provider's word for what happened.
    """

    kind: SignalKind
    event_id: str
    at: datetime | None = None
    key: str = ""
    provider_id: str = ""
    recipient: str = ""
    is_hard: bool = False
    url: str = ""
    detail: str = ""
    user_agent: str = ""
    raw: str = ""


def check_age(signed_at: Any, longest: timedelta) -> None:
    """`signed_at` as `instant` takes it, or seconds in digits. Raises Forged for what is older, or not of now."""
    is_number = isinstance(signed_at, str) and signed_at.isdecimal() and len(signed_at) <= 12
    at = instant(int(signed_at) if is_number else signed_at)
    if at is None or not -SHORT < datetime.now(UTC) - at < longest:
        raise Forged("The signature is too old, or does not say of when it is.")


def digest(*parts: object) -> str:
    """An event's id where the provider gives none: of what it says itself."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:32]


def part(told: Any, name: str) -> dict[str, Any]:
    """The object of that name, empty where there is none."""
    found = told.get(name) if isinstance(told, dict) else None
    return found if isinstance(found, dict) else {}


def instant(value: Any) -> datetime | None:
    """Seconds since 1970 or ISO 8601; None for what is neither."""
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        found = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
