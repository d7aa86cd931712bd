"""What a file can hold: customers, events or products. One entry per kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from django.db.models import Model

from campaigns import ingest
from campaigns.importing.columns import CUSTOMERS, EVENTS, PRODUCTS, Layout
from campaigns.ingest import customers, events, products
from campaigns.ingest.fields import Reader
from campaigns.models import Customer, Event, Import, Product

CONSENT_FLAGS = ("consent_email", "consent_sms", "consent_push")
CONSENT_PROOF = ("consent_source", "consent_text")

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Circumstances:
    """`zone` is that of times without an offset; `when_due` is called where a campaign is set off at once."""

    now: datetime
    zone: tzinfo
    source: str = ""
    by: str = ""
    when_due: Callable[[], None] | None = None


@dataclass(frozen=True)
class Kind:
    """`constants` are the fields that may be the same for every row; `labels` are the fields as people call them."""

    layout: Layout
    model: type[Model]
    write: Callable[[Rows, Circumstances], list[ingest.RowResult]]
    readers: Mapping[str, Reader]
    constants: tuple[str, ...]
    labels: Mapping[str, str]

    @property
    def identity(self) -> str:
        """The field by which a row is known again."""
        return self.layout.needed[0]

    def label(self, field: str) -> str:
        prefix = f"{self.layout.extras}."
        if field.startswith(prefix):
            return field.removeprefix(prefix)
        return self.labels.get(field) or field.replace("_", " ").capitalize()


def of(job: Import) -> Kind:
    return KINDS[job.kind]


def _customers(rows: Rows, given: Circumstances) -> list[ingest.RowResult]:
    return ingest.upsert_customers(rows, now=given.now, zone=given.zone, source=given.source or "import", by=given.by)


def _events(rows: Rows, given: Circumstances) -> list[ingest.RowResult]:
    return ingest.add_events(rows, now=given.now, zone=given.zone, when_due=given.when_due)


def _products(rows: Rows, given: Circumstances) -> list[ingest.RowResult]:
    return ingest.upsert_products(rows, now=given.now)


KINDS: dict[str, Kind] = {
    "customers": Kind(
        layout=CUSTOMERS,
        model=Customer,
        write=_customers,
        readers=customers.READERS,
        constants=("country", "timezone", "locale", *CONSENT_FLAGS, *CONSENT_PROOF),
        labels={
            "external_id": "Customer number",
            "email": "E-mail",
            "timezone": "Time zone",
            "locale": "Language",
            "consent_email": "Agreed to e-mail",
            "consent_sms": "Agreed to SMS",
            "consent_push": "Agreed to push",
            "consent_at": "When they agreed",
            "consent_source": "Where they agreed",
            "consent_text": "What they agreed to",
        },
    ),
    "events": Kind(
        layout=EVENTS,
        model=Event,
        write=_events,
        readers=events.READERS,
        constants=("name", "currency"),
        labels={
            "event_id": "Event number",
            "external_id": "Customer number",
            "name": "What happened",
            "occurred_at": "When it happened",
        },
    ),
    "products": Kind(
        layout=PRODUCTS,
        model=Product,
        write=_products,
        readers=products.READERS,
        constants=("currency", "category", "availability"),
        labels={"sku": "SKU", "url": "Web page", "image_url": "Image address"},
    ),
}
