"""What Mailgun posts, signed as it signs."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

from django.test import Client

from delivery import identity, pipeline
from delivery.models import Message, Provider
from delivery.providers import accounts
from tenants import context
from tenants.models import Retailer

KEY = "signing"


def provider(key: str = "mailgun") -> Provider:
    """An account whose posts can be proved; nothing is sent by it."""
    return accounts.save(
        {
            "key": key,
            "channel": "email",
            "kind": "mailgun",
            "settings": {"domain": "shop.example"},
            "credentials": {"api_key": "k", "signing_key": KEY},
        }
    )


def event(retailer: Retailer, message: Message, what: str, name: str, **more: Any) -> dict[str, Any]:
    """`what` as Mailgun says it; `name` is the event's id."""
    return {
        "event": what,
        "id": name,
        "timestamp": time.time() - 60,
        "recipient": more.pop("recipient", "one@example.com"),
        "user-variables": {"bannerline": identity.public_id(retailer, message.pk)},
        **more,
    }


def bounced(retailer: Retailer, message: Message, name: str, *, hard: bool = True, **more: Any) -> dict[str, Any]:
    told = {"severity": "permanent" if hard else "temporary", "delivery-status": {"message": "550 no such user"}}
    return event(retailer, message, "failed", name, **told, **more)


def signed(document: dict[str, Any], *, key: str = KEY) -> bytes:
    at = str(int(time.time()))
    mac = hmac.new(key.encode(), f"{at}token".encode(), hashlib.sha256).hexdigest()
    signature = {"timestamp": at, "token": "token", "signature": mac}
    return json.dumps({"signature": signature, "event-data": document}).encode()


def post(retailer: Retailer, body: bytes, *, key: str = "mailgun", **said: str) -> Any:
    """The answer; whom the test acts for stays so. `said` is what the web server says of the request."""
    client = Client(headers={"host": f"{retailer.slug}.localhost"})
    with context.on_platform():
        return client.post(f"/api/v1/signals/{key}/", body, content_type="application/json", **said)


def told(retailer: Retailer, *documents: dict[str, Any]) -> None:
    """Posted and worked off."""
    for document in documents:
        assert post(retailer, signed(document)).status_code == 200
    with context.in_retailer(retailer):
        pipeline.work(seconds=20)
