"""Domains that cannot stand in public DNS: looking them up would only nag. Pure."""

from __future__ import annotations

import ipaddress

# RFC 2606, RFC 6761, RFC 6762, RFC 8375, RFC 9476, and what ICANN has set aside for private use.
_TOPS = ("localhost", "test", "example", "invalid", "local", "internal", "onion", "alt", "home.arpa")
_NAMES = ("example.com", "example.net", "example.org")


def why(domain: str) -> str:
    """In words; empty for a domain that can be looked up."""
    name = domain.lower().rstrip(".")
    if "." not in name and name not in _TOPS:
        return f"{domain or 'nothing'} is no public domain name"
    if _is_address(name.strip("[]")):
        return f"{domain} is an address and no name"
    for reserved in (*_TOPS, *_NAMES):
        if name == reserved or name.endswith(f".{reserved}"):
            return f"{domain} is a local or reserved name, which no DNS knows: it was not looked up"
    return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
