"""An account at a mail server whose messages come back to a domain of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

DOMAIN = "bounces.acme.example"
Path = Callable[..., str]
Pipe = Callable[..., str]


def account(key: str = "relay", **settings: Any) -> dict[str, Any]:
    """Of a mail server at which nothing listens, unless `settings` says another."""
    told = {"host": "127.0.0.1", "port": 9, "security": "none", "bounce_domain": DOMAIN} | settings
    return {"key": key, "channel": "email", "kind": "smtp", "settings": told}
