"""Where the messages of each channel arrive."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from delivery.channels.memory import MemoryChannel
from delivery.providers import accounts, opened
from tenants.models import Retailer


@pytest.fixture
def everything(settings: Settings, outbox: MemoryChannel, at_acme: Retailer) -> dict[str, MemoryChannel]:
    """An account in memory for each channel."""
    settings.DEVELOPMENT_PROVIDERS = settings.ALLOW_PRIVATE_ADDRESSES = True
    made = {"email": outbox}
    for name in ("sms", "push", "webhook"):
        channel = opened.channel(at_acme, accounts.save({"key": name, "channel": name, "kind": "memory"}))
        assert isinstance(channel, MemoryChannel)
        made[name] = channel
    return made


@pytest.fixture
def texts(everything: dict[str, MemoryChannel]) -> MemoryChannel:
    return everything["sms"]


@pytest.fixture
def pushes(everything: dict[str, MemoryChannel]) -> MemoryChannel:
    return everything["push"]


@pytest.fixture
def hooks(everything: dict[str, MemoryChannel]) -> MemoryChannel:
    return everything["webhook"]
