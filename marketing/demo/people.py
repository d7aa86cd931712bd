"""Customers of a made-up retailer and what they bought in the last eighteen months. Pure.

A customer joins, buys at a rhythm of their own (gamma: most rarely, a few all the time), and at some point stays
away. Everything about the n-th customer follows from (slug, seed, n), so more customers never change the first.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from marketing.demo import names
from marketing.demo.banners import Banner, City, Product

HISTORY_DAYS = 548
Row = dict[str, Any]

_JOINED_WITHIN_DAYS = 900
_STAYS_DAYS = 420
_SHAPE = 0.7  # of the gamma distribution of rhythms: the smaller, the more one-off buyers
_MOST_A_YEAR = 60.0
# Numbers that regulators keep free for films and examples: none of them rings anywhere.
_PHONES = {"GB": "+447700900{:03}", "US": "+130355501{:02}", "CA": "+141655501{:02}", "FR": "+33639980{:03}"}
_PHONES |= {"DE": "+4917139200{:02}", "IE": "+353209105{:03}"}
_MAILBOXES = ("mail.example", "post.example", "letters.example")
_HOURS = (8, 9, 10, 11, 12, 12, 13, 14, 15, 16, 17, 18, 18, 19, 19, 19, 20, 20, 20, 21, 21, 22)  # evenings are busy


@dataclass(frozen=True)
class _Person:
    number: int
    first_name: str
    last_name: str
    city: City
    address: str


class _Order(NamedTuple):
    at: datetime
    cents: int
    items: int
    main: Product
    sent_back_days: int | None


def generate(banner: Banner, *, customers: int, seed: int, now: datetime) -> tuple[Iterator[Row], Iterator[Row]]:
    """Rows for campaigns.ingest: customers, and their events. Lazy, independent of each other, and repeatable.

    Text fields a customer lacks are blank; `occurred_at` is ISO 8601 in UTC, `value` a decimal as text.
    """
    return _customers(banner, customers, seed, now), _events(banner, customers, seed, now)


def _customers(banner: Banner, count: int, seed: int, now: datetime) -> Iterator[Row]:
    for number in range(count):
        person, orders, chance = _life(banner, number, seed, now)
        yield _customer(banner, person, orders, chance, now)


def _events(banner: Banner, count: int, seed: int, now: datetime) -> Iterator[Row]:
    for number in range(count):
        for index, order in enumerate(_life(banner, number, seed, now)[1]):
            row = _order_event(banner, number, index, order)
            yield row
            sent_back_at = order.at + timedelta(days=order.sent_back_days or 0)
            if order.sent_back_days and sent_back_at <= now:
                yield _return_event(row, order, sent_back_at)


def _life(banner: Banner, number: int, seed: int, now: datetime) -> tuple[_Person, list[_Order], random.Random]:
    """The person, their orders in time, and the source of chance for what is left to say about them."""
    chance = random.Random(f"{banner.slug}:{seed}:{number}")
    person = _person(banner, number, chance)
    if number and chance.random() < 0.015:  # a household: the neighbour in the list, by another first name
        neighbour = _person(banner, number - 1, random.Random(f"{banner.slug}:{seed}:{number - 1}"))
        person = _Person(number, person.first_name, neighbour.last_name, neighbour.city, neighbour.address)
    return person, _orders(banner, person, chance, now), chance


def _person(banner: Banner, number: int, chance: random.Random) -> _Person:
    city = banner.cities[bisect(banner.city_weights, chance.random() * banner.city_weights[-1])]
    first_names, last_names = names.pool(city.locale)
    first, last = chance.choice(first_names), chance.choice(last_names)
    mailbox = _MAILBOXES[number % len(_MAILBOXES)]
    address = f"{names.ascii_letters(first)}.{names.ascii_letters(last)}{number + 1}@{mailbox}"
    return _Person(number, first, last, city, address)


def _orders(banner: Banner, person: _Person, chance: random.Random, now: datetime) -> list[_Order]:
    if chance.random() < 0.08:
        return []  # signed up, never bought
    days_ago = chance.random() * _JOINED_WITHIN_DAYS
    left_days_ago = days_ago - chance.expovariate(1 / _STAYS_DAYS)
    a_year = min(chance.gammavariate(_SHAPE, banner.orders_a_year / _SHAPE), _MOST_A_YEAR)
    favourites = banner.shelves[chance.choice(banner.products).category]
    orders = []
    while days_ago > max(left_days_ago, 0):
        if days_ago < HISTORY_DAYS:
            orders.append(_order(banner, person, favourites, days_ago, chance, now))
        days_ago -= chance.expovariate(max(a_year, 0.1) / 365)
    return orders


def _order(
    banner: Banner, person: _Person, favourites: list[Product], days_ago: float, chance: random.Random, now: datetime
) -> _Order:
    lines = 1 + int(chance.expovariate(1 / max(banner.lines_an_order - 1 + 0.01, 0.1)) + 0.5)
    basket = [chance.choice(favourites if chance.random() < 0.6 else banner.products) for _ in range(min(lines, 25))]
    main = max(basket, key=lambda product: product.cents)
    at = _opening_hour(now - timedelta(days=days_ago), person.city, chance, now)
    sent_back = chance.randint(3, 20) if chance.random() < 0.04 else None
    return _Order(at, sum(product.cents for product in basket), len(basket), main, sent_back)


def _opening_hour(day: datetime, city: City, chance: random.Random, now: datetime) -> datetime:
    """A likely time of that day where the customer lives, never later than now."""
    clock = time(chance.choice(_HOURS), int(chance.random() * 60), int(chance.random() * 60))
    at = datetime.combine(day.date(), clock, _zone(city.timezone)).astimezone(UTC)
    return at if at <= now else at - timedelta(days=1 + (at - now).days)


def _customer(banner: Banner, person: _Person, orders: list[_Order], chance: random.Random, now: datetime) -> Row:
    has_email = chance.random() >= 0.03
    template = _PHONES.get(person.city.country)
    has_phone = template is not None and (not has_email or chance.random() < 0.3)
    return {
        "external_id": _external_id(person.number),
        "email": person.address if has_email else "",
        "phone": template.format(chance.randrange(100)) if template and has_phone else "",
        "first_name": person.first_name if chance.random() >= 0.04 else "",
        "last_name": person.last_name,
        "city": person.city.name if chance.random() >= 0.03 else "",
        "country": person.city.country,
        "timezone": person.city.timezone,
        "locale": person.city.locale,
        "consent_email": chance.random() < 0.92,
        "consent_sms": has_phone and chance.random() < 0.4,
        "consent_push": chance.random() < 0.15,
        "attributes": _attributes(banner, orders, chance, now),
    }


def _attributes(banner: Banner, orders: list[_Order], chance: random.Random, now: datetime) -> Row:
    found: Row = {}
    if orders:
        year_ago = now - timedelta(days=365)
        spent = sum(order.cents for order in orders if order.at >= year_ago)
        found["tier"] = _tier(spent, banner.typical_order)
        found["loyalty_points"] = sum(order.cents for order in orders) // 100
        found["favourite_category"] = orders[-1].main.category
        found["member_since"] = orders[0].at.year
    if chance.random() < 0.6:
        youngest = date(now.year - 18, 1, 1)
        found["birthday"] = (youngest - timedelta(days=int(chance.betavariate(1.6, 2.4) * 62 * 365))).isoformat()
    for key, values in banner.attributes.items():
        if chance.random() < 0.8:
            found[key] = chance.choice(values)
    return found


def _tier(cents: int, typical: float) -> str:
    """By what was spent in a year, in orders of the usual size."""
    return "gold" if cents >= 8 * typical else "silver" if cents >= 3 * typical else "bronze"


def _order_event(banner: Banner, number: int, index: int, order: _Order) -> Row:
    main = order.main
    return {
        "event_id": f"order-{number + 1:06}-{index + 1}",
        "external_id": _external_id(number),
        "name": "order",
        "occurred_at": order.at.isoformat(timespec="seconds"),
        "value": _money(order.cents),
        "currency": banner.currency,
        "properties": {"category": main.category, "sku": main.sku, "product": main.name, "items": order.items},
    }


def _return_event(ordered: Row, order: _Order, at: datetime) -> Row:
    main = order.main
    return ordered | {
        "event_id": f"{ordered['event_id']}-return",
        "name": "return",
        "occurred_at": at.isoformat(timespec="seconds"),
        "value": _money(main.cents),
        "properties": {"category": main.category, "sku": main.sku, "order": ordered["event_id"]},
    }


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def _external_id(number: int) -> str:
    return f"C{number + 1:06}"


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
