"""Whose network an address is of: security gateways, mailbox providers' proxies, data centres.

Ranges as their owners publish them: Microsoft's list of Exchange Online Protection, the pages for administrators of
Mimecast, Barracuda, Proofpoint and Cisco, Google's SPF and image proxy ranges, Apple's 17.0.0.0/8, the clouds' lists of
addresses (their largest blocks). They change: settings.MACHINE_NETWORKS adds to them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

Block = IPv4Network | IPv6Network


class Network(StrEnum):
    """`MAILBOX` shows people their images through its own addresses, and looks at links beforehand from the same."""

    GATEWAY = "gateway"
    MAILBOX = "mailbox"
    APPLE = "apple"
    CLOUD = "cloud"
    OTHER = "other"


_PUBLISHED: dict[Network, tuple[str, ...]] = {
    Network.GATEWAY: (
        "64.235.144.0/20", "209.222.80.0/21",  # Barracuda
        "67.231.144.0/20", "148.163.128.0/19", "185.132.180.0/22", "205.220.160.0/19",  # Proofpoint
        "205.139.110.0/23", "207.211.30.0/23", "170.10.128.0/21", "91.220.42.0/24", "195.130.217.0/24",
        "146.101.78.0/24", "185.58.84.0/22", "103.13.69.0/24", "124.47.150.0/24",  # Mimecast
        "68.232.128.0/19", "216.71.128.0/19", "139.138.32.0/19",  # Cisco
        "216.104.0.0/19", "150.70.0.0/16",  # Trend Micro
        "2a05:9a00::/29",
    ),
    Network.MAILBOX: (
        "40.92.0.0/15", "40.94.0.0/16", "40.107.0.0/16", "52.96.0.0/12", "104.47.0.0/17", "2a01:111::/32",  # Microsoft
        "64.233.160.0/19", "66.102.0.0/20", "66.249.64.0/19", "72.14.192.0/18", "74.125.0.0/16",
        "209.85.128.0/17", "2001:4860::/32",  # Google
    ),
    Network.APPLE: ("17.0.0.0/8", "2620:149::/32"),
    Network.CLOUD: (
        "3.0.0.0/9", "3.128.0.0/9", "18.128.0.0/9", "34.192.0.0/10", "35.152.0.0/13", "44.192.0.0/10", "52.0.0.0/10",
        "54.64.0.0/11", "54.144.0.0/12", "54.160.0.0/11", "54.192.0.0/12", "54.208.0.0/13",  # Amazon
        "13.64.0.0/11", "20.0.0.0/8", "40.64.0.0/11", "51.104.0.0/14", "104.40.0.0/13", "104.208.0.0/13",  # Azure
        "34.64.0.0/10", "35.184.0.0/13", "104.154.0.0/15", "104.196.0.0/14",  # Google Cloud
        "5.9.0.0/16", "78.46.0.0/15", "88.198.0.0/16", "116.202.0.0/15", "135.181.0.0/16", "51.68.0.0/16",
        "51.75.0.0/16", "104.131.0.0/16", "138.68.0.0/16", "159.65.0.0/16", "165.227.0.0/16",  # hosting companies
    ),
}  # fmt: skip
_BEFORE = (Network.GATEWAY, Network.APPLE, Network.MAILBOX, Network.CLOUD)  # whose word counts where ranges overlap


class Atlas:
    """Looks addresses up, by binary search over what does not overlap."""

    def __init__(self, more: Iterable[str] = ()) -> None:
        """`more` are gateways' networks as `192.0.2.0/24`. Raises ValueError for what is none."""
        blocks = dict(_PUBLISHED) | {Network.GATEWAY: (*_PUBLISHED[Network.GATEWAY], *more)}
        self._ranges = {whose: _ranges(map(ip_network, blocks[whose])) for whose in _BEFORE}

    def whose(self, address: str) -> Network:
        """Of an address, or of one cut short to its network: `203.0.113.0/24`."""
        try:
            found = ip_address(address.partition("/")[0])
        except ValueError:
            return Network.OTHER
        if found.version == 6 and found.ipv4_mapped:
            found = found.ipv4_mapped
        place = (found.version, int(found))
        return next((whose for whose in _BEFORE if _holds(self._ranges[whose], place)), Network.OTHER)


@lru_cache(maxsize=4)
def atlas(more: tuple[str, ...] = ()) -> Atlas:
    return Atlas(more)


Ranges = tuple[list[tuple[int, int]], list[tuple[int, int]]]  # where they begin, and where they end, in order


def _ranges(blocks: Iterable[Block]) -> Ranges:
    ends = sorted(((b.version, int(b.network_address)), (b.version, int(b.broadcast_address))) for b in blocks)
    return [first for first, _ in ends], [last for _, last in ends]


def _holds(ranges: Ranges, place: tuple[int, int]) -> bool:
    number = bisect_right(ranges[0], place) - 1
    return number >= 0 and place <= ranges[1][number]
