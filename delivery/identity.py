"""Public names of messages, and the signed links that carry them. Nothing guessable, nothing stored.

A public id is a UUID (version 8, RFC 9562) made of the retailer and the message's number, so that it can be read
back without an index over millions of rows. A token adds a purpose and a MAC under a key of its own per retailer: made
for one purpose, it says nothing to another. A message's tokens are slices of one MAC, so that it is made once.

Keys come from SECRET_KEY, and a token names its own: one that was made under any of SECRET_KEY_FALLBACKS is read too.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from binascii import b2a_base64
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from django.conf import settings

from tenants.models import Retailer

_LOW, _MULTIPLIER = 62, 0x1E3779B97F4A7C15  # an odd multiplier permutes the numbers below 2**62
_MASK = (1 << _LOW) - 1
_INVERSE = pow(_MULTIPLIER, -1, 1 << _LOW)
PURPOSES = ("message", "open", "click", "view")
_NAMED, _SLICE = 12, 20  # characters of a token: key id and number (9 bytes), and 120 bits of the MAC
_FIRST_KEY = 1  # the id of every key before keys had ids
_IN_LINKS = bytes.maketrans(b"+/", b"-_")  # what base64 writes, as it may stand in a link


class BadToken(ValueError):
    """This link is damaged, made up, or meant for another place."""


class Tokens(NamedTuple):
    """Of one message, by purpose: to decide what comes, to tell of an open and a click, to read it in a browser."""

    message: str
    open: str
    click: str
    view: str


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
    """Makes and reads the tokens of one retailer; `token` and `read` those of one purpose."""

    def __init__(self, retailer: Retailer, purpose: str = "message") -> None:
        self._place = PURPOSES.index(purpose)
        self._schema = retailer.schema_name
        self._keys = _keys(self._schema, _secrets())

    def tokens(self, number: int) -> Tokens:
        """All of a message's, for the price of one."""
        key = self._keys[0]
        payload = key.id + number.to_bytes(8, "big")
        named = _written(payload)
        signed = key.sign(payload)
        return Tokens(named + signed[:20], named + signed[20:40], named + signed[40:60], named + signed[60:])

    def token(self, number: int) -> str:
        return self.tokens(number)[self._place]

    def read(self, token: str) -> int:
        """The number that a token names. Raises BadToken."""
        if len(token) != _NAMED + _SLICE or not token.isascii():
            return self._read_old(token)
        named, signed = token[:_NAMED], token[_NAMED:]
        payload = _decoded(named)
        known = [key for key in self._keys if key.id == payload[:1]]
        is_ours = False
        for key in known or self._keys[:1]:  # as long, whether the key is known or not
            start = self._place * _SLICE
            is_ours |= hmac.compare_digest(signed, key.sign(payload)[start : start + _SLICE])
        if not (is_ours and known):
            raise BadToken
        return int.from_bytes(payload[1:], "big")

    def ref(self, number: int) -> str:
        """16 characters that name something stored: nobody finds another one by counting."""
        named = _written(number.to_bytes(6, "big"))
        return named + self.seal("ref", named)[:8]

    def deref(self, ref: str) -> int:
        """The number that a ref names. Raises BadToken."""
        named = ref[:8]
        if len(ref) != 16 or not self.is_sealed(ref[8:], "ref", named):
            raise BadToken
        return int.from_bytes(_decoded(named), "big")

    def seal(self, *parts: str) -> str:
        """A MAC over texts, 20 characters: for what a link carries besides its token."""
        return self._keys[0].seal(parts)

    def carrier(self, *first: str) -> Callable[[str, str], str]:
        """Writes a text as a link can carry it, with the `seal` of `first`, another text, and that behind it. Of many
        that begin with the same texts, what those come to is worked out once.
        """
        return self._keys[0].carrier(first)

    def is_sealed(self, seal: str, *parts: str) -> bool:
        """`seal` may be cut short by whoever made it so."""
        made = [key.seal(parts)[: len(seal)] for key in self._keys]
        return len(seal) >= 8 and seal.isascii() and any(hmac.compare_digest(seal, each) for each in made)

    def _read_old(self, token: str) -> int:
        """One of a message sent before keys had ids: `/u/` and `/p/` go on working."""
        raw = _decoded(token + "=" * (-len(token) % 4))
        payload, mac = raw[:9], raw[9:]
        if len(mac) != 16 or payload[0] != _FIRST_KEY or self._place != 0:
            raise BadToken
        keys = [_old_key(self._schema, secret) for secret in _secrets()]
        if not any(hmac.compare_digest(mac, hmac.digest(key, payload, "sha256")[:16]) for key in keys):
            raise BadToken
        return int.from_bytes(payload[1:], "big")


@dataclass(frozen=True)
class Key:
    id: bytes
    key: bytes

    def sign(self, payload: bytes) -> str:
        """Four times 20 characters, one for each purpose."""
        return _written(hashlib.blake2b(payload, key=self.key, digest_size=60, person=b"tokens").digest())

    def seal(self, parts: tuple[str, ...]) -> str:
        return _written(self._begun(parts).digest())

    def carrier(self, first: tuple[str, ...]) -> Callable[[str, str], str]:
        begun = self._begun(first)

        def carry(beside: str, text: str) -> str:
            carried = b2a_base64(text.encode("utf-8", "replace"), newline=False).translate(_IN_LINKS).rstrip(b"=")
            made = begun.copy()
            made.update(b"\x1f%b\x1f%b" % (beside.encode("utf-8", "replace"), carried))
            return (carried + b2a_base64(made.digest(), newline=False).translate(_IN_LINKS)).decode()

        return carry

    def _begun(self, parts: tuple[str, ...]) -> hashlib.blake2b:
        said = "\x1f".join(parts).encode("utf-8", "replace")
        return hashlib.blake2b(said, key=self.key, digest_size=15, person=b"seal")


def _written(raw: bytes) -> str:
    """As base64.urlsafe_b64encode, at a third of its cost."""
    return b2a_base64(raw, newline=False).translate(_IN_LINKS).decode()


def _decoded(text: str) -> bytes:
    """Raises BadToken for what is not written as we write it."""
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    except ValueError:
        raise BadToken from None
    if _written(raw) != text:
        raise BadToken
    return raw


def _secrets() -> tuple[str, ...]:
    return (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


@lru_cache(maxsize=1024)
def _keys(schema_name: str, secrets: tuple[str, ...]) -> tuple[Key, ...]:
    """The first one signs. Ids begin at 128, so that none is taken for the first key's."""
    made = []
    for secret in secrets:
        whole = hashlib.blake2b(secret.encode()).digest()
        number = hashlib.blake2b(whole, digest_size=1, person=b"key id").digest()[0] | 0x80
        made.append(Key(bytes([number]), hashlib.blake2b(f"{schema_name}/links".encode(), key=whole).digest()))
    return tuple(made)


@lru_cache(maxsize=1024)
def _old_key(schema_name: str, secret: str) -> bytes:
    name = f"{schema_name}/message/{_FIRST_KEY}".encode()
    return hashlib.blake2b(name, key=secret.encode()[:64]).digest()


@lru_cache(maxsize=1024)
def _retailer_bits(schema_name: str) -> int:
    digest = int.from_bytes(hashlib.blake2b(schema_name.encode(), digest_size=8).digest(), "big")
    return digest & ~(0xF << 12) | 8 << 12
