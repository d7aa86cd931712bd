"""Notifications to devices: through FCM, and to browsers by Web Push."""

from __future__ import annotations

TOKEN, SUBSCRIPTION = "token", "subscription"


def form(address: str) -> str:
    """A device's token, or a browser's subscription, which is JSON."""
    return SUBSCRIPTION if address.startswith("{") else TOKEN
