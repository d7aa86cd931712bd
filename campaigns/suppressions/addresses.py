"""Addresses as they are compared: in the form in which customers' are stored, and by their hash. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from campaigns.config.gate import Invalid, Problem
from campaigns.ingest import fields
from campaigns.models.customers import Channel

MOST = 1_000_000  # at once: they are told to each retailer in one statement
_READY = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True)
class Addresses:
    """Of one channel, by hash; an empty address where only the hash is known. `problems` of those left out."""

    channel: str
    by_hash: dict[bytes, str]
    problems: list[Problem] = field(default_factory=list)

    @property
    def known(self) -> list[str]:
        return [address for address in self.by_hash.values() if address]

    @property
    def unknown(self) -> list[bytes]:
        return [hashed for hashed, address in self.by_hash.items() if not address]


def hashed(address: str) -> bytes:
    """SHA-256 of an address as customers' are stored; `truth.hash_of` is the same in SQL."""
    return hashlib.sha256(address.encode()).digest()


def normal(channel: str, address: str) -> str:
    """The address as customers' are stored: lower case, or E.164. Raises Invalid."""
    try:
        if channel == Channel.EMAIL:
            found = fields.email(address)
        elif channel == Channel.SMS:
            found = fields.phone(address, country="")
        else:
            found = fields.needed(254, cure="it says who gets nothing more")(address)
    except fields.Invalid as invalid:
        raise Invalid([Problem("address", str(invalid), "invalid")]) from None
    if not found:
        raise Invalid([Problem("address", "is required: it says who gets nothing more", "required")])
    return str(found)


def one(channel: str, given: str) -> Addresses:
    """An address, or the SHA-256 of one in 64 hexadecimal digits. Raises Invalid."""
    if _READY.fullmatch(given.strip()):
        return Addresses(channel, {bytes.fromhex(given.strip()): ""})
    address = normal(channel, given)
    return Addresses(channel, {hashed(address): address})


def by_channel(rows: Iterable[tuple[str, bytes, str]]) -> list[Addresses]:
    """Channel, hash and address of each, those of a channel together."""
    found: dict[str, Addresses] = {}
    for channel, hash_, address in rows:
        found.setdefault(channel, Addresses(channel, {})).by_hash[hash_] = address
    return list(found.values())


def gathered(channel: str, lines: Iterable[str]) -> Addresses:
    """One on each line; blank lines and those that begin with # say nothing. Raises Invalid when they are too many."""
    found = Addresses(channel, {})
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            found.by_hash.update(one(channel, line.strip()).by_hash)
        except Invalid as invalid:
            found.problems.extend(Problem(f"line {number}", each.message) for each in invalid.problems)
        if len(found.by_hash) > MOST:
            raise Invalid([Problem("file", f"has more than {MOST:,} addresses: split it")])
    return found


def whole(address: str) -> str:
    """A pattern, for Postgres and `re`, that finds the address in a text or JSON, and not inside of a longer one."""
    return rf"(?:(?<![\w.+-])|(?<=\\[bfnrt])){re.escape(address)}(?![\w-]|\.\w)"


def masked(address: str) -> str:
    """Enough to recognise it by: the audit trail outlives the customer, and must not hold the address itself."""
    name, at, domain = address.rpartition("@")
    if not at:
        return f"{address[:3]}…{address[-2:]}" if address else "an erased address"
    return f"{name[:1]}…@{domain[:1]}….{domain.rpartition('.')[2]}"
