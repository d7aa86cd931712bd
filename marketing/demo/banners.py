"""Fictional retailers to fill an installation with, each described in a file of `retailers/`. Pure."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

from campaigns.blueprints import starters

FOLDER = Path(__file__).parent / "retailers"
ORDER = ("green-basket", "summit-trail", "maison-lys", "werkraum", "harbour-books", "maple-paw")


@dataclass(frozen=True)
class Product:
    sku: str
    name: str
    category: str
    cents: int


@dataclass(frozen=True)
class City:
    """Where customers live. `weight` is its share among the cities of a banner."""

    name: str
    country: str
    timezone: str
    locale: str
    weight: int


@dataclass(frozen=True)
class Banner:
    """A retailer to be. `brand`, `template` and `segments` carry the fields of the models of those names.

    `orders_a_year` is how often a customer who stays comes back, `lines_an_order` how many products they take, both
    on average; `attributes` are custom fields with the values that customers have.
    """

    slug: str
    name: str
    timezone: str
    currency: str
    orders_a_year: float
    lines_an_order: float
    brand: dict[str, str]
    cities: tuple[City, ...]
    products: tuple[Product, ...]
    attributes: dict[str, tuple[str, ...]]
    segments: dict[str, dict[str, Any]]
    template: dict[str, str]
    campaign: dict[str, Any]

    @cached_property
    def shelves(self) -> dict[str, list[Product]]:
        """The products by category."""
        categories = {product.category for product in self.products}
        return {name: [each for each in self.products if each.category == name] for name in categories}

    @cached_property
    def city_weights(self) -> list[int]:
        """Summed up from the first city on."""
        return list(itertools.accumulate(city.weight for city in self.cities))

    @cached_property
    def typical_order(self) -> float:
        """What an order comes to on average, in cents."""
        return self.lines_an_order * sum(product.cents for product in self.products) / len(self.products)


def banners(count: int) -> list[Banner]:
    """The first `count` retailers. After the six with a file of their own come branches of them, numbered from 2."""
    return [_branch(_read(ORDER[index % len(ORDER)]), 1 + index // len(ORDER)) for index in range(count)]


@cache
def _read(slug: str) -> Banner:
    data = yaml.safe_load((FOLDER / f"{slug}.yaml").read_text())
    return Banner(
        slug=slug,
        name=data["name"],
        timezone=data["timezone"],
        currency=data["currency"],
        orders_a_year=data["orders_a_year"],
        lines_an_order=data["lines_an_order"],
        brand=data["brand"] | _identity(slug, data["name"]),
        cities=tuple(City(*city) for city in data["cities"]),
        products=tuple(
            Product(sku, name, category, round(price * 100))
            for sku, (name, category, price) in data["catalogue"].items()
        ),
        attributes={key: tuple(values) for key, values in data.get("attributes", {}).items()},
        segments=data["segments"],
        template=_template(data["template"]),
        campaign=data["campaign"],
    )


def _branch(banner: Banner, number: int) -> Banner:
    if number == 1:
        return banner
    slug, name = f"{banner.slug}-{number}", f"{banner.name} {number}"
    return replace(banner, slug=slug, name=name, brand=banner.brand | _identity(slug, name))


def _identity(slug: str, name: str) -> dict[str, str]:
    """`.example` belongs to nobody: no mail and no click leaves for a real shop."""
    return {
        "name": name,
        "from_name": name,
        "from_email": f"hello@{slug}.example",
        "reply_to": f"care@{slug}.example",
        "website": f"https://www.{slug}.example",
    }


def _template(described: dict[str, str]) -> dict[str, str]:
    """Fields of a Template; its content stands in templates/starter/."""
    starter = described["starter"]
    found = starters.sources(starters.SHIPPED, starter)
    if found is None:
        raise FileNotFoundError(f"There is no starter {starter}.")
    return {
        "key": starter,
        "name": described["name"],
        "channel": "email",
        "subject": described["subject"],
        "preheader": described["preheader"],
        **found._asdict(),
    }
