from __future__ import annotations

import pytest

from tenants.models import Retailer
from tests.campaigns.ascode import shops


@pytest.fixture
def shop(at_acme: Retailer) -> Retailer:
    """Acme with a brand, three segments of which one leads to another, two templates and two campaigns."""
    shops.fill()
    return at_acme
