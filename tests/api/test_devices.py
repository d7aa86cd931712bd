"""Devices by API: where a customer's notifications go."""

from __future__ import annotations

from typing import Any

from tenants import context
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api, problem


def addresses(api: Api, who: str) -> list[str]:
    return [each["address"] for each in api.get(f"customers/{who}/devices/").json()["results"]]


def test_device_is_registered_moves_with_its_owner_and_goes(api: Api, acme: Retailer) -> None:
    with context.in_retailer(acme):
        factories.customers(2)
    subscription = '{"endpoint": "https://push.example.test/x", "keys": {"p256dh": "a", "auth": "b"}}'
    first = api.post("customers/c1/devices/", {"address": subscription})
    assert (first.status_code, first.json()["address"]) == (201, subscription)
    api.post("customers/c1/devices/", {"address": "phone"})
    assert addresses(api, "c1") == ["phone", subscription]
    api.post("customers/c1/devices/", {"address": subscription})  # seen again
    assert addresses(api, "c1") == [subscription, "phone"]
    api.post("customers/c2/devices/", {"address": "phone"})  # handed on
    assert (addresses(api, "c1"), addresses(api, "c2")) == ([subscription], ["phone"])
    assert api.delete("customers/c1/devices/", {"address": "phone"}).status_code == 404  # not theirs
    assert api.delete("customers/c2/devices/", {"address": "phone"}).status_code == 204
    assert addresses(api, "c2") == []


def test_what_is_no_device_is_refused_with_the_cure(api: Api, acme: Retailer) -> None:
    with context.in_retailer(acme):
        factories.customers(1)
    wrong: list[Any] = ["", "a" * 4097, "a\u2028b"]
    for address in wrong:
        status, [(field, _)] = problem(api.post("customers/c1/devices/", {"address": address}))
        assert (status, field) == (400, "address")
    assert api.post("customers/nobody/devices/", {"address": "x"}).status_code == 404


def test_a_customer_keeps_the_devices_seen_last(api: Api, acme: Retailer) -> None:
    with context.in_retailer(acme):
        factories.customers(1)
    for n in range(22):
        api.post("customers/c1/devices/", {"address": f"device {n}"})
    assert addresses(api, "c1") == [f"device {n}" for n in range(21, 1, -1)]
