"""Addresses that get nothing more on a channel: of one retailer, or of every one (`platform`).

Reads    Customer
Writes   Suppression, PlatformSuppression, Facts (whether an address is suppressed)
Promise  an address is on a list once, found by its hash, which outlives the address itself
"""

from campaigns.suppressions import platform
from campaigns.suppressions.addresses import Addresses, by_channel, gathered, hashed, normal, one, whole
from campaigns.suppressions.retailer import (
    add,
    add_all,
    by_other_ways,
    lift,
    of,
    put,
    remove,
    remove_all,
    standing,
    take_off,
)

__all__ = [
    "Addresses",
    "add",
    "add_all",
    "by_channel",
    "by_other_ways",
    "gathered",
    "hashed",
    "lift",
    "normal",
    "of",
    "one",
    "platform",
    "put",
    "remove",
    "remove_all",
    "standing",
    "take_off",
    "whole",
]
