"""Where a retailer lives on the web. Links are built from here, never from a request's Host header."""

from __future__ import annotations

import re

from django.conf import settings

from tenants import held, prepared
from tenants.models import Domain, Retailer

_HOST = re.compile(r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
LINKS = ("/t/", "/u/", "/p/", "/v/")  # what links in messages lead to
_DOMAINS = """
SELECT purpose::text, is_primary, domain::text FROM public.tenants_domain WHERE tenant_id = %s::bigint ORDER BY id
"""
_DEFAULT_PORTS = {"http": 80, "https": 443}


def is_host_name(host: str) -> bool:
    """RFC 1123 labels, lower case, at most 253 characters."""
    return bool(_HOST.match(host))


def base_url(retailer: Retailer) -> str:
    """`https://shop.example.com`, without a trailing slash, for the retailer's primary domain."""
    domains = Domain.objects.values_list("domain", flat=True)
    host = held.once(("domain", retailer.pk), lambda: domains.get(tenant=retailer, is_primary=True))
    return _url(host)


def links_url(retailer: Retailer) -> str:
    """The same for the links in messages: of the retailer's domain for tracking, where there is one."""
    host = held.once(("links' domain", retailer.pk), lambda: _domain_of_links(retailer))
    return _url(host) if host else base_url(retailer)


def serves(domain: Domain, path: str) -> bool:
    """A domain for tracking, or a former one, serves what links in messages lead to, and no console and no API."""
    return domain.purpose == Domain.Purpose.SITE or path.startswith(LINKS)


def platform_url() -> str:
    return _url(settings.BASE_DOMAIN)


def _domain_of_links(retailer: Retailer) -> str:
    """The one for tracking, which was added last if there are several, or else the primary one: asked at once, for
    every batch. "" where there is neither.
    """
    known = prepared.rows(_DOMAINS, [retailer.pk])
    primary = [domain for _, is_primary, domain in known if is_primary]
    tracking = [domain for purpose, _, domain in known if purpose == Domain.Purpose.TRACKING]
    return (tracking or primary or [""])[-1]


def _url(host: str) -> str:
    port = "" if _DEFAULT_PORTS[settings.PUBLIC_SCHEME] == settings.PUBLIC_PORT else f":{settings.PUBLIC_PORT}"
    return f"{settings.PUBLIC_SCHEME}://{host}{port}"
