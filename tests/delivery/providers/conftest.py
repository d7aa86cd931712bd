"""Accounts at providers in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from delivery.models import Provider
from delivery.providers import accounts
from tenants.models import Retailer


@pytest.fixture
def development(settings: Settings) -> None:
    settings.DEVELOPMENT_PROVIDERS = settings.ALLOW_PRIVATE_ADDRESSES = True


@pytest.fixture
def account(development: None, at_acme: Retailer) -> Callable[..., Provider]:
    """Makes an account at a provider in memory: `account("first", priority=1)`."""

    def make(key: str = "first", **fields: Any) -> Provider:
        return accounts.save({"key": key, "channel": "email", "kind": "memory", **fields})

    return make
