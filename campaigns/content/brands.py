"""The retailer's identity in messages."""

from __future__ import annotations

from copy import copy
from datetime import datetime

from campaigns.config import voice as voices
from campaigns.config.gate import parse
from campaigns.config.texting import TEXTING, Texting
from campaigns.config.voice import Voice
from campaigns.models import Brand
from tenants import audit, context, held
from tenants.models import Retailer


def brand() -> Brand:
    """The retailer's brand; made from its name when nobody has edited it yet."""
    return held.once("brand", _brand)


def _brand() -> Brand:
    found = Brand.objects.order_by("pk").first()
    if found:
        return found
    retailer = context.current()
    name = {"name": retailer.name, "from_name": retailer.name}
    return Brand.objects.get_or_create(pk=1, defaults=name | {"from_email": first_sender(retailer)})[0]


def brand_as_of(at: datetime) -> Brand:
    """The brand as it was then, by the audit trail. Not to be saved."""
    then = copy(brand())
    for name, value in audit.as_of(at, "brand", "name").items():
        setattr(then, name, value)
    return then


def first_sender(retailer: Retailer) -> str:
    """The address that mail is sent from until somebody writes another."""
    return f"hello@{retailer.slug}.example"


def voice(brand: Brand) -> Voice:
    """How the brand speaks. Raises Invalid, naming the brand's field."""
    return voices.read({name: getattr(brand, name) for name in voices.FIELDS})


def texting(brand: Brand) -> Texting:
    """What SMS cost the retailer, and how it words the way out."""
    found: Texting = parse(TEXTING, brand.texting)
    return found
