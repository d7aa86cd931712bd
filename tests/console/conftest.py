from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from tenants.models import Retailer


@pytest.fixture
def ana(acme: Retailer, marketer: Callable[[Retailer], Client]) -> Client:
    """Ana, a marketer at Acme, in her browser."""
    return marketer(acme)
