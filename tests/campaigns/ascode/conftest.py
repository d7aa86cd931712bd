from __future__ import annotations

from collections.abc import Iterator

import pytest

from tenants import context
from tenants.models import Retailer
from tests.campaigns.ascode import shops


@pytest.fixture
def at_acme(acme: Retailer) -> Iterator[Retailer]:
    with context.in_retailer(acme):
        yield acme


@pytest.fixture
def shop(at_acme: Retailer) -> Retailer:
    """Acme with a brand, three segments of which one leads to another, two templates and two campaigns."""
    shops.fill()
    return at_acme
