from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import time_machine
from django.core.cache import cache
from pytest_django import Settings

from tenants.accounts.models import Scope
from tenants.models import Retailer
from tests.api.caller import Api, problem


@pytest.fixture(autouse=True)
def clock(settings: Settings) -> Iterator[time_machine.Traveller]:
    """Three calls a minute, and a clock that stands at 20 seconds past one."""
    settings.API_RATE = 3
    cache.clear()
    with time_machine.travel("2030-01-01T12:00:20Z", tick=False) as clock:
        yield clock
    cache.clear()


def test_calls_are_counted_down_and_then_refused_until_the_next_minute(api: Api, clock: time_machine.Traveller) -> None:
    answers = [api.get("customers/") for _ in range(3)]
    assert [answer["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0"]
    assert {(answer["RateLimit-Limit"], answer["RateLimit-Reset"]) for answer in answers} == {("3", "40")}
    refused = api.get("customers/")
    assert problem(refused) == (429, [("", "throttled")])
    assert (refused["Retry-After"], refused["RateLimit-Remaining"]) == ("40", "0")
    clock.shift(40)
    assert api.get("customers/").status_code == 200


def test_refused_calls_change_nothing(api: Api) -> None:
    for _ in range(3):
        api.get("customers/")
    assert api.post("customers/bulk/", [{"external_id": "c1"}]).status_code == 429


def test_each_key_of_each_retailer_is_counted_by_itself(
    acme: Retailer, globex: Retailer, api_of: Callable[..., Api]
) -> None:
    callers = [api_of(acme), api_of(acme, Scope.READ), api_of(globex)]
    for _ in range(3):
        assert [api.get("customers/").status_code for api in callers] == [200] * 3
