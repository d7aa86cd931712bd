from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from pytest_django import Settings

from delivery import providers
from delivery.channels.memory import MemoryChannel
from tenants import context
from tenants.models import Retailer


@pytest.fixture
def at_acme(acme: Retailer) -> Iterator[Retailer]:
    with context.in_retailer(acme):
        yield acme


@pytest.fixture
def outbox(settings: Settings, acme: Retailer) -> MemoryChannel:
    settings.EMAIL_URL = "memory://console"
    channel = providers.channel(acme, "email")
    assert isinstance(channel, MemoryChannel)
    channel.sent.clear()
    return channel


@pytest.fixture
def ana(acme: Retailer, marketer: Callable[[Retailer], Client]) -> Client:
    """Ana, a marketer at Acme, in her browser."""
    return marketer(acme)
