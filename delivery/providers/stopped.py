"""Tests keep to the emergency stop as campaigns do."""

from __future__ import annotations

from delivery.channels.base import ChannelUnavailable
from tenants import stops
from tenants.models import Retailer


def check(retailer: Retailer) -> None:
    """Raises ChannelUnavailable while the retailer's sending, or everybody's, is stopped."""
    try:
        stops.check(retailer)
    except stops.Stopped as refusal:
        raise ChannelUnavailable(str(refusal), permanent=True) from None
