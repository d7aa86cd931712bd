"""Accounts at providers that a test steers: they answer what it says, in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from pytest_django import Settings

from delivery.channels.base import ChannelUnavailable, Envelope, Outbound, Outcome
from delivery.channels.memory import MemoryChannel
from delivery.models import Provider
from delivery.providers import accounts, opened
from tenants.models import Retailer

Answer = Callable[[Sequence[Outbound]], Sequence[Outcome]]


@pytest.fixture
def development(settings: Settings) -> None:
    settings.DEVELOPMENT_PROVIDERS = settings.ALLOW_PRIVATE_ADDRESSES = True


@pytest.fixture
def account(development: None, at_acme: Retailer) -> Callable[..., Provider]:
    """Makes an account at a provider in memory: `account("first", priority=1)`."""

    def make(key: str = "first", **fields: Any) -> Provider:
        return accounts.save({"key": key, "channel": "email", "kind": "memory", **fields})

    return make


def sent(retailer: Retailer, provider: Provider) -> list[Outbound]:
    """What the account was given."""
    channel = opened.channel(retailer, provider)
    assert isinstance(channel, MemoryChannel)
    return channel.sent


def answering(
    monkeypatch: pytest.MonkeyPatch, retailer: Retailer, provider: Provider, *answers: Answer | ChannelUnavailable
) -> list[int]:
    """The account answers these in turn, then as usual. Returns the sizes of the hand-overs, which grows."""
    channel: Any = opened.channel(retailer, provider)
    usual, waiting, sizes = channel.send, list(answers), []

    def send(envelope: Envelope, batch: Sequence[Outbound], *, seconds: float) -> Sequence[Outcome]:
        sizes.append(len(batch))
        answer = waiting.pop(0) if waiting else None
        if isinstance(answer, ChannelUnavailable):
            raise answer
        return answer(batch) if answer else usual(envelope, batch, seconds=seconds)

    monkeypatch.setattr(channel, "send", send)
    return sizes
