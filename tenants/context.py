"""Acting for one retailer. The only place in the house that switches schemas; linting forbids every other way."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from tenants.models import Retailer

logger = logging.getLogger(__name__)
_connection: Any = connection  # django-tenants' backend, which its stubs do not know


class RetailerUnavailable(LookupError):
    """The retailer does not exist, is suspended, or is still being provisioned."""


def find(slug: str) -> Retailer:
    """The retailer of that slug, whatever its status. Raises RetailerUnavailable."""
    try:
        return Retailer.objects.get(slug=slug)
    except Retailer.DoesNotExist:
        known = ", ".join(Retailer.objects.order_by("slug").values_list("slug", flat=True)[:20]) or "none yet"
        raise RetailerUnavailable(f"There is no retailer {slug!r}. Known: {known}.") from None


def resolve(retailer_id: int) -> Retailer:
    """The active retailer of that id. Raises RetailerUnavailable: work for any other must not be done."""
    try:
        return Retailer.objects.active().get(pk=retailer_id)
    except Retailer.DoesNotExist:
        raise RetailerUnavailable(f"Retailer {retailer_id} does not exist or is not active.") from None


def enter(retailer: Retailer) -> None:
    """Act for a retailer from here on. Doors use it; everything else uses `in_retailer`."""
    _connection.set_tenant(retailer)


def leave() -> None:
    """Act for the platform from here on."""
    _connection.set_schema_to_public()


def acts_for(retailer: Retailer) -> bool:
    """Whether this thread acts for that retailer already."""
    return bool(_connection.schema_name == retailer.schema_name)


@contextmanager
def in_retailer(retailer: Retailer) -> Iterator[Retailer]:
    """Run the block in the retailer's schema. Evaluate querysets inside: a lazy one would read elsewhere later."""
    with _back_to_where_we_were():
        enter(retailer)
        yield retailer


def in_every(do: Callable[[Retailer], object], *, what: str) -> int:
    """Do it for every active retailer, each in its schema; how many there are.

    Whatever is wrong with one keeps no other from its turn: it is logged, by `what` and the retailer's slug.
    """
    retailers = list(Retailer.objects.active().order_by("pk"))
    for retailer in retailers:
        try:
            with in_retailer(retailer):
                do(retailer)
        except Exception:
            logger.exception("%s failed for retailer %s", what, retailer.slug)
    return len(retailers)


@contextmanager
def on_platform() -> Iterator[None]:
    """Run the block in the platform's schema."""
    with _back_to_where_we_were():
        leave()
        yield


def current() -> Retailer:
    """The retailer this thread acts for. Raises RetailerUnavailable on the platform: deny by default."""
    tenant = _connection.tenant
    if not isinstance(tenant, Retailer):
        raise RetailerUnavailable("No retailer is selected here: this work belongs to a retailer, not to the platform.")
    return tenant


@contextmanager
def _back_to_where_we_were() -> Iterator[None]:
    before = _connection.tenant
    try:
        yield
    finally:
        _connection.set_tenant(before)
