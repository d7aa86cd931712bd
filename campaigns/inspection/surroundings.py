"""What messages are looked at with: the brand, the retailer, the campaign's topic, and how much each check weighs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from campaigns import content, language, linting
from campaigns.config.check_names import CheckName, Severity
from campaigns.config.policy import Policy
from campaigns.config.voice import Voice
from campaigns.models import Brand
from tenants import addresses, context

TEST = "test"  # in the place of a token: the links of tests lead to a page that changes nothing
_PRODUCTS = 3
_PRODUCT: dict[str, Any] = {
    "sku": "sample", "name": "Sample product", "url": "https://shop.test/sample", "image_url": "https://shop.test/s.png",
    "price": 12.5, "currency": "GBP", "category": "samples",
}  # fmt: skip
Values = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Around:
    """Plain values that can be compared, so that what was looked at once need not be again."""

    retailer: Values
    brand: Values
    campaign: tuple[str, str]
    topic: str
    voice: Voice
    links: tuple[str, str, str]

    samples: ClassVar[frozenset[str]] = frozenset({_PRODUCT["url"], _PRODUCT["image_url"]})  # of what does not exist

    def __hash__(self) -> int:  # a voice has lists
        return hash((self.retailer, self.brand, self.campaign, self.topic, self.links))

    def context(self) -> dict[str, Any]:
        """What everybody's message may say; plain values."""
        return {
            "retailer": dict(self.retailer),
            "brand": dict(self.brand),
            "campaign": {"key": self.campaign[0], "name": self.campaign[1]},
            "products": [dict(_PRODUCT) for _ in range(_PRODUCTS)],
            "unsubscribe_url": self.links[0],
            "preferences_url": self.links[1],
            "view_url": self.links[2],
        }


def around(key: str, name: str, topic: str, *, brand: Brand | None = None, base_url: str = "") -> Around:
    """Of a campaign of the retailer at hand; `brand` and `base_url` are for a caller who has just read them."""
    retailer, brand = context.current(), brand or content.brand()
    base = base_url or addresses.base_url(retailer)
    return Around(
        retailer=_values(retailer, language.VOCABULARY["retailer"]),
        brand=_values(brand, language.VOCABULARY["brand"]),
        campaign=(key, name),
        topic=topic,
        voice=content.voice(brand),
        links=(f"{base}/u/{TEST}", f"{base}/p/{TEST}", f"{base}/v/{TEST}"),
    )


def weighing(policy: Policy) -> Mapping[CheckName, Severity]:
    return linting.weights(policy.checks, frozenset(policy.checks_off or ()))


def _values(row: Any, names: tuple[str, ...]) -> Values:
    return tuple((name, str(value)) for name in names if (value := getattr(row, name)))
