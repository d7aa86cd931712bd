"""A channel that repeats no credential: whatever the other side says is shown to people, and may be an echo."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from delivery.channels.base import Channel, ChannelUnavailable, Envelope, Outbound, Outcome, Sought
from delivery.channels.signals import Signal, WebhookRequest

MASK = "…"
_SHORTEST = 6  # characters: what is shorter is found in ordinary words
_LOGIN = re.compile(r"(?i)\b(basic|bearer)(\s+)[A-Za-z0-9+/=._~-]{6,}")


class Discreet:
    """The port, around a channel: credentials in an outcome's words, or in those of a refusal, are masked."""

    def __init__(self, channel: Channel, credentials: Mapping[str, Any]) -> None:
        self._channel = channel
        self._mask = masking(credentials)
        self.provider, self.key_window = channel.provider, channel.key_window
        self.can_be_asked, self.calls_back = channel.can_be_asked, channel.calls_back

    @property
    def meanwhile(self) -> Callable[[], object] | None:
        return self._channel.meanwhile

    @meanwhile.setter
    def meanwhile(self, act: Callable[[], object] | None) -> None:
        self._channel.meanwhile = act

    def check(self) -> None:
        with self._masked():
            self._channel.check()

    def send(self, envelope: Envelope, batch: Sequence[Outbound], *, seconds: float) -> Sequence[Outcome]:
        with self._masked():
            return self._discreet(self._channel.send(envelope, batch, seconds=seconds))

    def look_up(self, sought: Sequence[Sought], *, seconds: float) -> Sequence[Outcome]:
        with self._masked():
            return self._discreet(self._channel.look_up(sought, seconds=seconds))

    def verify(self, request: WebhookRequest) -> None:
        self._channel.verify(request)

    def parse(self, request: WebhookRequest) -> Sequence[Signal]:
        return self._channel.parse(request)

    def confirm(self, request: WebhookRequest) -> None:
        with self._masked():
            self._channel.confirm(request)

    def close(self) -> None:
        self._channel.close()

    def _discreet(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        return [replace(each, detail=self._mask(each.detail)) if each.detail else each for each in outcomes]

    @contextmanager
    def _masked(self) -> Iterator[None]:
        try:
            yield
        except ChannelUnavailable as refusal:
            refusal.args = (self._mask(str(refusal)),)
            raise


def masking(credentials: Mapping[str, Any]) -> Callable[[str], str]:
    """What masks them in words. It is a function so that no look at an object shows them."""
    found = _texts(credentials.values())
    secrets = sorted(found | {quote(secret, safe="") for secret in found}, key=len, reverse=True)

    def masked(words: str) -> str:
        for secret in secrets:
            words = _without_beginning(words.replace(secret, MASK), secret)
        return _LOGIN.sub(rf"\1\2{MASK}", words)

    return masked


def _without_beginning(words: str, secret: str) -> str:
    """Words are cut to a length, and a secret at their end with them."""
    for length in range(min(len(secret) - 1, len(words)), _SHORTEST - 1, -1):
        if words.endswith(secret[:length]):
            return words[:-length] + MASK
    return words


def _texts(values: Iterable[Any]) -> set[str]:
    """What is secret, also where a credential is a document."""
    found: set[str] = set()
    for value in values:
        if isinstance(value, Mapping):
            found |= _texts(value.values())
        elif isinstance(value, str) and len(value) >= _SHORTEST:
            found.add(value)
    return found
