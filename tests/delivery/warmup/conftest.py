"""Somebody at Acme, and the domain that its mail comes from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from campaigns import content
from campaigns.models import Brand
from tenants import acting, context
from tenants.models import Retailer


@pytest.fixture
def at_acme(acme: Retailer) -> Iterator[Retailer]:
    with context.in_retailer(acme), acting.acting("Ana", "user:1", "console"):
        yield acme


@pytest.fixture
def domain(at_acme: Retailer) -> str:
    content.brand()
    Brand.objects.update(from_email="hello@shop.example")
    return "shop.example"
