from __future__ import annotations

from collections.abc import Callable

import pytest

from tenants.accounts.models import Scope
from tenants.models import Retailer
from tests.api.caller import Api


@pytest.fixture
def api_of(api_key: Callable[..., str]) -> Callable[..., Api]:
    """An integrator of any retailer and scope: `api_of(globex, Scope.READ)`."""

    def make(retailer: Retailer, scope: Scope = Scope.FULL) -> Api:
        return Api(retailer, api_key(retailer, scope))

    return make


@pytest.fixture
def api(acme: Retailer, api_of: Callable[..., Api]) -> Api:
    """Acme's integrator with a key of full scope."""
    return api_of(acme)
