"""Public names of messages, and the signed links that carry them. Nothing guessable, nothing stored.

A public id is a UUID (version 8, RFC 9562) made of the retailer and the message's number, so that it can be read
back without an index over millions of rows. A token adds a purpose and a MAC under a key of its own per retailer
and purpose: made for one, it says nothing to another.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings

from tenants.models import Retailer

_LOW, _MULTIPLIER = 62, 0x1E3779B97F4A7C15  # an odd multiplier permutes the numbers below 2**62
_MASK = (1 << _LOW) - 1
_INVERSE = pow(_MULTIPLIER, -1, 1 << _LOW)
_MAC_BYTES = 16
KEY_ID = 1


class BadToken(ValueError):
    """This link is damaged, made up, or meant for another place."""


def public_id(retailer: Retailer, message_id: int) -> str:
    return public_ids(retailer)(message_id)


def public_ids(retailer: Retailer) -> PublicIds:
    """The naming function of one retailer, for a batch."""
    digits = f"{_retailer_bits(retailer.schema_name):016x}"
    return PublicIds(f"{digits[:8]}-{digits[8:12]}-{digits[12:]}-")


@dataclass(frozen=True)
class PublicIds:
    start: str  # the retailer's half, in front of every message's

    def __call__(self, message_id: int) -> str:
        digits = f"{2 << _LOW | (message_id * _MULTIPLIER) & _MASK:016x}"
        return f"{self.start}{digits[:4]}-{digits[4:]}"


def message_id(retailer: Retailer, public: str) -> int | None:
    """The message that a public id names at this retailer; None for anything else."""
    try:
        value = uuid.UUID(public).int
    except ValueError:
        return None
    if value >> 64 != _retailer_bits(retailer.schema_name) or (value >> _LOW) & 3 != 2:
        return None
    return (value & _MASK) * _INVERSE & _MASK


class Signer:
    """Makes and reads the tokens of one retailer and purpose."""

    def __init__(self, retailer: Retailer, purpose: str) -> None:
        self._mac = hmac.new(_key(retailer.schema_name, purpose), digestmod=hashlib.sha256)

    def token(self, number: int) -> str:
        payload = bytes([KEY_ID]) + number.to_bytes(8, "big")
        return base64.urlsafe_b64encode(payload + self._sign(payload)).rstrip(b"=").decode()

    def read(self, token: str) -> int:
        """The number that a token names. Raises BadToken."""
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError:
            raise BadToken from None
        payload, mac = raw[:9], raw[9:]
        if len(payload) != 9 or payload[0] != KEY_ID or not hmac.compare_digest(mac, self._sign(payload)):
            raise BadToken
        return int.from_bytes(payload[1:], "big")

    def _sign(self, payload: bytes) -> bytes:
        mac = self._mac.copy()
        mac.update(payload)
        return mac.digest()[:_MAC_BYTES]


@lru_cache(maxsize=1024)
def _retailer_bits(schema_name: str) -> int:
    digest = int.from_bytes(hashlib.blake2b(schema_name.encode(), digest_size=8).digest(), "big")
    return digest & ~(0xF << 12) | 8 << 12


@lru_cache(maxsize=1024)
def _key(schema_name: str, purpose: str) -> bytes:
    return hashlib.blake2b(f"{schema_name}/{purpose}/{KEY_ID}".encode(), key=settings.SECRET_KEY.encode()[:64]).digest()
