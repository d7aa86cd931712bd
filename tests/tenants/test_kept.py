"""What is kept is what the rows say now: after a change, after one that was taken back, for each retailer its own."""

from __future__ import annotations

from functools import partial

import pytest
from django.db import transaction

from campaigns.models import Customer
from tenants import context, kept
from tenants.models import Retailer
from tests import factories

pytestmark = pytest.mark.django_db
_CITIES = "SELECT id, xmin::text, ctid::text FROM campaigns_customer ORDER BY id"


class Cities:
    """Where the customers live, and how often that was put together."""

    def __init__(self) -> None:
        self.made = 0

    def now(self) -> list[str]:
        return kept.while_same(self, _CITIES, [], self._make)

    def _make(self) -> list[str]:
        self.made += 1
        return list(Customer.objects.order_by("id").values_list("city", flat=True))


def test_it_is_put_together_once_while_nothing_changes(at_acme: Retailer) -> None:
    factories.customers(2, city="Leeds")
    cities = Cities()
    assert [cities.now(), cities.now(), cities.now()] == [["Leeds", "Leeds"]] * 3
    assert cities.made == 1


def test_it_says_what_the_rows_say_after_every_change(at_acme: Retailer) -> None:
    factories.customers(1, city="Leeds")
    cities = Cities()
    for city in ("Leeds", "York", "Leeds", "Hull"):
        Customer.objects.update(city=city)
        assert cities.now() == [city]
    factories.customers(1, external_id="another", city="Bath")
    assert cities.now() == ["Hull", "Bath"]
    Customer.objects.filter(city="Hull").delete()
    assert cities.now() == ["Bath"]


def test_what_was_taken_back_was_never_so(at_acme: Retailer) -> None:
    factories.customers(1, city="Leeds")
    cities = Cities()
    with transaction.atomic():
        Customer.objects.update(city="York")
        assert cities.now() == ["York"]
        transaction.set_rollback(True)
    assert cities.now() == ["Leeds"]


def test_a_change_while_it_is_put_together_counts_the_next_time(at_acme: Retailer) -> None:
    factories.customers(1, city="Leeds")

    def make() -> list[str]:
        found = list(Customer.objects.values_list("city", flat=True))
        Customer.objects.update(city="York")
        return found

    assert kept.while_same("in between", _CITIES, [], make) == ["Leeds"]
    assert kept.while_same("in between", _CITIES, [], make) == ["York"]


def test_each_retailer_has_its_own(acme: Retailer, globex: Retailer) -> None:
    cities = Cities()
    for retailer in (acme, globex):
        with context.in_retailer(retailer):
            factories.customers(1, city=retailer.slug)
    for retailer in (acme, globex, acme, globex):
        with context.in_retailer(retailer):
            assert cities.now() == [retailer.slug]
    assert cities.made == 2


def test_no_more_is_kept_than_there_is_room_for(at_acme: Retailer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_MOST", 3)
    monkeypatch.setattr(kept, "_kept", {})
    for number in range(10):
        assert kept.while_same(number, "SELECT 1", [], partial(int, number)) == number
    assert len(kept._kept) == 3


def test_what_changed_takes_its_own_place_and_nobody_else_s(at_acme: Retailer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_MOST", 2)
    monkeypatch.setattr(kept, "_kept", {})
    factories.customers(1, city="Leeds")
    steady = Cities()
    kept.while_same("steady", "SELECT 1", [], steady._make)
    for city in ("York", "Hull"):
        Customer.objects.update(city=city)
        kept.while_same("changing", _CITIES, [], list)
    kept.while_same("steady", "SELECT 1", [], steady._make)
    assert steady.made == 1
