"""Questions to DNS, all of them within one time."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Any

import dns.exception
import dns.name
import dns.resolver
from django.conf import settings

SECONDS = 2.0  # for everything that is asked of one domain


class CouldNotLook(Exception):
    """DNS did not answer, or not in time: that says nothing of the domain."""


@dataclass
class Lookup:
    """Asks `resolver` until the time is over. The same question is asked once."""

    resolver: dns.resolver.Resolver
    until: float
    known: dict[tuple[str, str], list[Any]] = field(default_factory=dict)

    def txt(self, name: str) -> list[str]:
        """The texts at a name; none where there is no such name. Raises CouldNotLook."""
        return [b"".join(each.strings).decode("utf-8", "replace") for each in self.records(name, "TXT")]

    def records(self, name: str, kind: str) -> list[Any]:
        """Raises CouldNotLook."""
        asked = (name.lower().rstrip("."), kind)
        if asked not in self.known:
            self.known[asked] = self._ask(*asked)
        return self.known[asked]

    def _ask(self, name: str, kind: str) -> list[Any]:
        left = self.until - time.monotonic()
        if left <= 0:
            raise CouldNotLook(f"DNS took longer than {SECONDS:g} s")
        try:
            return list(self.resolver.resolve(f"{name}.", kind, lifetime=left, search=False))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, dns.name.BadEscape):
            return []  # no name that could stand in DNS
        except (dns.exception.DNSException, OSError) as error:
            raise CouldNotLook(f"DNS did not answer for {name} ({type(error).__name__})") from None


def is_label(text: str) -> bool:
    """Whether it can stand in a name: a selector may have dots."""
    return re.fullmatch(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", text) is not None and ".." not in text


def lookup(resolver: dns.resolver.Resolver | None = None) -> Lookup:
    """A look of SECONDS from now on. Raises CouldNotLook where this machine knows no DNS server."""
    return Lookup(resolver or _resolver(), time.monotonic() + SECONDS)


def _resolver() -> dns.resolver.Resolver:
    """The one of settings.DNS_SERVER (`address` or `address:port`), else the machine's."""
    if not settings.DNS_SERVER:
        try:
            return dns.resolver.Resolver()
        except (dns.exception.DNSException, OSError):
            raise CouldNotLook("this machine knows no DNS server: set DNS_SERVER") from None
    address, _, port = str(settings.DNS_SERVER).partition(":")
    resolver = dns.resolver.Resolver(configure=False)
    try:
        resolver.nameservers, resolver.port = [address], int(port or 53)
    except ValueError:
        raise CouldNotLook("DNS_SERVER is no address: write 192.0.2.53 or 192.0.2.53:53") from None
    return resolver
