"""A demo retailer from nothing: provisioned, branded, filled with people, history and products, its campaign drafted.

Everything goes through the doors that marketers and integrators use, so the demo proves them; done twice, it
changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from campaigns import blueprinting, configuration, content, editing, ingest, policies
from campaigns.ascode import base_files
from campaigns.models import Campaign, Customer, Segment, Template
from marketing.demo import people
from marketing.demo.banners import Banner, Product
from tenants import context, provisioning
from tenants.accounts.models import User
from tenants.models import Retailer

PASSWORD = "bannerline-demo"
SEED = 2026
CHUNK = 2000
POLICY = {"footer": ["unsubscribe_url", "brand.postal_address"], "max_discount": 60}
DEFAULTS = {"timing": {"expire_after": "3d"}}
WAITING = "abandoned-cart"


def retailer(banner: Banner) -> Retailer:
    """The banner's retailer, provisioned when it does not exist, with a marketer who signs in with PASSWORD."""
    found = Retailer.objects.filter(slug=banner.slug, status=Retailer.Status.ACTIVE).first()
    if found is None:
        found = provisioning.provision(banner.slug, name=banner.name, timezone=banner.timezone).retailer
        with context.in_retailer(found):
            _set_password(marketer_email(banner))
    return found


def marketer_email(banner: Banner) -> str:
    return f"marketer@{banner.slug}.example"


def staff(email: str) -> None:
    """A member of staff on the platform who signs in with PASSWORD."""
    _set_password(email)


def history(banner: Banner, *, customers: int, now: datetime, step: Callable[[int], None]) -> None:
    """Customers with 18 months of orders; skipped where there are as many already. `step` is told of rows done."""
    if Customer.objects.count() >= customers:
        step(customers)
        return
    persons, events = people.generate(banner, customers=customers, seed=SEED, now=now)
    for chunk in _chunks(persons):
        ingest.upsert_customers(chunk, now=now, source="demo")
        step(len(chunk))
    for chunk in _chunks(events):
        ingest.add_events(chunk, now=now, zone=context.current().tzinfo)


def catalog(banner: Banner, *, now: datetime) -> None:
    """The banner's products. They have no pictures: `.example` serves none."""
    ingest.upsert_products([_product(banner, each) for each in banner.products], now=now)


def policy() -> None:
    """The platform's bounds, where staff have not set any."""
    if not policies.layer_of(None).number:
        policies.save(None, policy=POLICY, defaults=DEFAULTS)


def bases() -> None:
    """The base templates that come with the installation, where they are missing."""
    base_files.install("demo")


def campaign(banner: Banner, *, now: datetime) -> Campaign:
    """The banner's brand, segments, template and campaign draft, as its files describe them."""
    editing.save_brand(_filled(content.brand(), banner.brand | {"currency": banner.currency}))
    for key, segment in banner.segments.items():
        editing.save_segment(_filled(Segment.objects.filter(key=key).first() or Segment(key=key), segment), now=now)
    key = banner.template["key"]
    template = _filled(Template.objects.filter(key=key).first() or Template(key=key), banner.template)
    editing.save_template(template)
    content.publish(template)
    existing = Campaign.objects.filter(key=banner.campaign["key"]).first()
    return existing or configuration.save_draft(banner.campaign)


def waiting_campaign(*, now: datetime) -> None:
    """A campaign that a blueprint began, live and waiting for people to leave their baskets."""
    if not Campaign.objects.filter(key=WAITING).exists():
        configuration.publish(blueprinting.instantiate(WAITING, now=now), now=now)


def _product(banner: Banner, product: Product) -> dict[str, Any]:
    return {
        "sku": product.sku,
        "name": product.name,
        "url": f"{banner.brand['website']}/products/{product.sku.lower()}",
        "price": f"{product.cents // 100}.{product.cents % 100:02}",
        "currency": banner.currency,
        "category": product.category,
    }


def _filled(row: Any, values: Mapping[str, Any]) -> Any:
    for name, value in values.items():
        setattr(row, name, value)
    return row


def _set_password(email: str) -> None:
    user = User.objects.filter(email=email).first() or User.objects.create_superuser(email)
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])


def _chunks(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    source = iter(rows)
    while chunk := list(islice(source, CHUNK)):
        yield chunk
