"""Return paths: what stands before the @ of the address that a message comes back to, another one for each message.

    b-  message's number (6 bytes)  address (6 bytes of a MAC)  MAC of both (15 bytes)      base32: 46 characters

Letters and digits of one case and one hyphen, because mail servers may change the case of what they pass on; at most
64 octets (RFC 5321, 4.5.3.1.1). Whoever makes one up names nothing. Whoever has one can speak of that one message, and
of no other address than the one that it was written for.
"""

from __future__ import annotations

import base64

from delivery import identity
from delivery.identity import Signer
from tenants.models import Retailer

_PREFIX = "b-"
_NUMBER, _ADDRESS, _MAC = 6, 6, 15  # bytes
_LENGTH = 44  # characters of base32 that they make
_PURPOSE = "return path"


class ReturnPaths:
    """Makes and reads the return paths of one retailer."""

    def __init__(self, retailer: Retailer) -> None:
        self._retailer = retailer
        self._signer = Signer(retailer)

    def name(self, key: str, address: str) -> str:
        """Of the message with that public id, to that address; empty for what is no message, such as a test."""
        number = identity.message_id(self._retailer, key)
        if number is None or number >> (8 * _NUMBER):
            return ""
        named = number.to_bytes(_NUMBER, "big") + self._of_address(address)
        return _PREFIX + _written(named + base64.urlsafe_b64decode(self._signer.seal(_PURPOSE, named.hex())))

    def read(self, name: str) -> str:
        """The public id of the message that it names; empty for what we did not make. The case does not matter."""
        raw = _read(name)
        named, mac = raw[: _NUMBER + _ADDRESS], raw[_NUMBER + _ADDRESS :]
        if not raw or not self._signer.is_sealed(base64.urlsafe_b64encode(mac).decode(), _PURPOSE, named.hex()):
            return ""
        return identity.public_id(self._retailer, int.from_bytes(named[:_NUMBER], "big"))

    def is_of(self, name: str, address: str) -> bool:
        """Whether it was written for that address. `name` is one that could be read."""
        said = base64.urlsafe_b64encode(_read(name)[_NUMBER : _NUMBER + _ADDRESS]).decode()
        return self._signer.is_sealed(said, _PURPOSE, _normal(address))

    def _of_address(self, address: str) -> bytes:
        return base64.urlsafe_b64decode(self._signer.seal(_PURPOSE, _normal(address)))[:_ADDRESS]


def _normal(address: str) -> str:
    return f"to {address.strip().lower()}"


def _written(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()


def _read(name: str) -> bytes:
    """Empty for what is not written as we write it."""
    prefix, text = name[: len(_PREFIX)].lower(), name[len(_PREFIX) :].upper()
    if prefix != _PREFIX or len(text) != _LENGTH:
        return b""
    try:
        raw = base64.b32decode(text + "=" * (-_LENGTH % 8))
    except ValueError:
        return b""
    return raw if _written(raw) == text.lower() else b""
