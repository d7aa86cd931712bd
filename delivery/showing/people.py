"""As whom a message is looked at: a customer of the retailer's, or one of a few made-up ones that templates forget."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from campaigns import directory
from campaigns.models import AttributeDefinition, Customer
from tenants import held

SAMPLE = {
    "external_id": "sample-1", "email": "ana.sample@example.test", "phone": "+442071838750", "first_name": "Ana",
    "last_name": "Sample", "city": "Leeds", "country": "GB", "timezone": "Europe/London", "locale": "en-GB",
}  # fmt: skip
SHOWN = 8  # customers to choose from, before anybody is looked for
FOUND = 10
_MADE_UP = {
    "rich": ("Somebody you know everything of", SAMPLE),
    "sparse": ("Somebody without a first name", {"external_id": "sample-2", "email": "someone@example.test"}),
    "long": ("Somebody with a long name", {
        "external_id": "sample-3", "email": "wolfeschlegelsteinhausenbergerdorff@example.test",
        "first_name": "Maximiliane-Đặng Thị Ngọc", "last_name": "Wolfeschlegelsteinhausenbergerdorff-Þorgerðardóttir",
        "city": "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch", "country": "GB",
        "timezone": "Europe/London", "locale": "en-GB",
    }),
    "right_to_left": ("Somebody who reads from right to left", {
        "external_id": "sample-4", "email": "layla@example.test", "first_name": "ليلى", "last_name": "الحسن",
        "city": "دبي", "country": "AE", "timezone": "Asia/Dubai", "locale": "ar-AE",
    }),
}  # fmt: skip
_UNSAID = ("external_id", "email", "phone", "first_name", "last_name", "city", "country", "timezone", "locale")
_VALUES = {"text": "gold", "number": 42, "boolean": True, "date": "2026-03-14"}


@dataclass(frozen=True)
class Choice:
    """Somebody to look at it as: `value` is what `chosen` takes."""

    value: str
    label: str
    is_made_up: bool = False


def choices() -> list[Choice]:
    """A few customers, one without a first name among them, then the made-up ones."""
    known = Customer.objects.exclude(email="")
    people = list(known.exclude(first_name="").order_by("pk")[: SHOWN - 1])
    people += list(known.filter(first_name="").order_by("pk")[:1])
    made_up = [Choice(key, title, is_made_up=True) for key, (title, _) in _MADE_UP.items()]
    return [_choice(each) for each in people] + made_up


def few() -> list[Customer]:
    """Who has little: a customer without a first name, where there is one, and the made-up ones."""
    bare = Customer.objects.exclude(email="").filter(first_name="").order_by("pk")[:1]
    return [*bare, *(_made_up(key) for key in _MADE_UP)]


def found(text: str) -> list[Choice]:
    """Customers by number, or by how their name or address begins."""
    if not text.strip():
        return []
    return [_choice(each) for each in Customer.objects.filter(directory.search(text)).order_by("pk")[:FOUND]]


def chosen(value: str, text: str = "") -> Customer:
    """Whoever was looked for, else whoever was chosen, else the first there is; a made-up one where there is none."""
    wanted = Q(pk=int(value)) if value.isdecimal() and len(value) < 19 else Q(pk=None)
    if text.strip():
        wanted = directory.search(text)
    customer = Customer.objects.filter(wanted).order_by("pk").first()
    if customer is None and value not in _MADE_UP:
        customer = Customer.objects.exclude(email="").exclude(first_name="").order_by("pk").first()
    return customer or _made_up(value if value in _MADE_UP else "rich")


def reading(customer: Customer, locale: str) -> Customer:
    """The same person, as one who reads another language."""
    if not locale:
        return customer
    other = copy(customer)
    other.locale = locale
    return other


def value_of(customer: Customer) -> str:
    """What `chosen` takes to find them again."""
    if customer.pk:
        return str(customer.pk)
    return next((key for key, (_, said) in _MADE_UP.items() if said["external_id"] == customer.external_id), "rich")


def made_up(said: Mapping[str, Any]) -> Customer:
    """Somebody of whom that is known and nothing else."""
    return Customer(**dict.fromkeys(_UNSAID, "") | dict(said))


def _made_up(key: str) -> Customer:
    customer = made_up(_MADE_UP[key][1])
    if key != "sparse":
        defined = held.once("attributes", lambda: list(AttributeDefinition.objects.values_list("name", "type")))
        customer.attributes = {"tier": "gold"} | {name: _VALUES[kind] for name, kind in defined}
    return customer


def _choice(customer: Customer) -> Choice:
    place = f", {customer.city}" if customer.city else ""
    lacks = "" if customer.first_name else " (no first name)"
    return Choice(str(customer.pk), f"{customer}{place}{lacks}")
