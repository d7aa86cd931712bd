"""The host that stands in the links of a retailer's messages, which the platform sets; and those that did before.

Reads    Domain
Writes   Domain, and a note in the audit log
Promise  links of new messages are on the host from the next batch on. Those of old ones go on working where they are,
         until their host is given up
"""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from tenants import addresses, audit, changes
from tenants.models import Domain, Retailer

FIELD = "tracking_domain"


def tracking(retailer: Retailer) -> str:
    """The host in links of new messages; empty where that is the retailer's own."""
    host = _of(retailer).filter(purpose=Domain.Purpose.TRACKING).order_by("pk").values_list("domain", flat=True).last()
    return host or ""


def former(retailer: Retailer) -> list[str]:
    """Hosts whose old links still work."""
    found = _of(retailer).filter(purpose=Domain.Purpose.FORMER).order_by("domain")
    return list(found.values_list("domain", flat=True))


def check(retailer: Retailer, host: str) -> str:
    """The host as it is kept. Raises ValidationError naming the field."""
    written = host.strip().lower().rstrip(".")
    if problem := _problem(retailer, written):
        raise ValidationError({FIELD: [problem]})
    return written


@transaction.atomic
def track(retailer: Retailer, host: str) -> None:
    """Put `host` into the links of messages; blank for the retailer's own. Raises ValidationError naming the field."""
    Retailer.objects.select_for_update().get(pk=retailer.pk)  # one at a time
    before, after = tracking(retailer), check(retailer, host) if host.strip() else ""
    if before == after:
        return
    _of(retailer).filter(purpose=Domain.Purpose.TRACKING).update(purpose=Domain.Purpose.FORMER)
    if after:
        is_known = _of(retailer).filter(domain=after).update(purpose=Domain.Purpose.TRACKING)
        if not is_known:  # one that somebody else took meanwhile is refused by the database
            Domain.objects.create(domain=after, tenant=retailer, purpose=Domain.Purpose.TRACKING, is_primary=False)
    _tell(retailer, before, after)


@transaction.atomic
def give_up(retailer: Retailer, host: str) -> None:
    """Serve `host` no longer: links on it are dead, and another retailer may have it. Raises ValidationError."""
    Retailer.objects.select_for_update().get(pk=retailer.pk)
    written, before = host.strip().lower().rstrip("."), tracking(retailer)
    ours = _of(retailer).exclude(purpose=Domain.Purpose.SITE).filter(domain=written)
    if not ours.exists():
        known = ", ".join(filter(None, [before, *former(retailer)])) or "there is none"
        raise ValidationError({FIELD: [f"{written} is no tracking domain of {retailer.slug}. Of those: {known}."]})
    ours.delete()
    _tell(retailer, before or written, tracking(retailer))


def _problem(retailer: Retailer, host: str) -> str:
    """What is wrong with a host, and the cure; empty for nothing."""
    labels = host.split(".")
    if not addresses.is_host_name(host) or len(labels) < 2 or labels[-1].isdecimal():
        return f"{host!r} is not a host name: write one such as links.shop.example, without https:// and a port."
    if host == settings.BASE_DOMAIN:
        return f"{host} is the platform's own address: choose a host of the retailer's, such as links.shop.example."
    if host == f"{labels[0]}.{settings.BASE_DOMAIN}":
        return f"{host} can be the address of a retailer's console: choose another, such as links.shop.example."
    taken = Domain.objects.filter(domain=host).select_related("tenant").first()
    if taken and taken.tenant_id != retailer.pk:
        return f"{host} belongs to another retailer: choose another host."
    if taken and taken.purpose == Domain.Purpose.SITE:
        return f"{host} leads to this retailer's console, and would not any more: choose another, beside it."
    return ""


def _of(retailer: Retailer) -> QuerySet[Domain]:
    return Domain.objects.filter(tenant=retailer)


def _tell(retailer: Retailer, before: str, after: str) -> None:
    audit.note_of(retailer, "edit", "retailer", before={FIELD: before}, after={FIELD: after})
    changes.announce(retailer, "tracking domain")
