"""What a customer did and was sent, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.urls import reverse

from campaigns.models import Customer
from delivery.models import Message

MOST = 40  # of each kind


def entries(customer: Customer) -> list[dict[str, Any]]:
    """Two queries, whatever the history."""
    found = [*_events(customer), *_messages(customer)]
    return sorted(found, key=_at, reverse=True)


def _at(entry: dict[str, Any]) -> datetime:
    at: datetime = entry["at"]
    return at


def _events(customer: Customer) -> Iterator[dict[str, Any]]:
    for event in customer.events.order_by("-occurred_at")[:MOST]:
        amount = f"{event.value.normalize():,f} {event.currency}".strip() if event.value is not None else ""
        details = ", ".join(f"{name} {value}" for name, value in list(event.properties.items())[:5])
        yield {"at": event.occurred_at, "what": event.name, "said": " · ".join(filter(None, [amount, details]))}


def _messages(customer: Customer) -> Iterator[dict[str, Any]]:
    sent = Message.objects.filter(customer_id=customer.pk).select_related("run__campaign").order_by("-pk")[:MOST]
    for message in sent:
        yield {
            "at": message.settled_at or message.send_at,
            "what": message.run.campaign.name,
            "said": message.reason if message.state not in ("accepted", "delivered") else "",
            "state": message.state,
            "url": reverse("admin:delivery_message_change", args=[message.pk]),
        }
