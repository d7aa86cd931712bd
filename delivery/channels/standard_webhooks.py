"""Standard Webhooks signatures (standardwebhooks.com): over id, time and body, with a secret both sides know."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping

from delivery.channels.signals import Forged, NoSignals

TOLERANCE = 300  # seconds that a signature's time may be off
_PREFIX = "whsec_"


def secret_bytes(secret: str) -> bytes:
    """Raises ValueError for what is no secret of 16 to 64 bytes in base64, with or without `whsec_`."""
    try:
        found = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        found = b""
    if not 16 <= len(found) <= 64:
        raise ValueError("a signing secret is 16 to 64 bytes in base64, such as whsec_…")
    return found


def headers(secret: bytes, key: str, body: bytes, *, at: int) -> dict[str, str]:
    """The fields that sign a request; `at` in seconds since 1970."""
    return {"webhook-id": key, "webhook-timestamp": str(at), "webhook-signature": f"v1,{_mac(secret, key, at, body)}"}


def verify(secret: str, given: Mapping[str, str], body: bytes, *, prefix: str = "webhook") -> str:
    """The id of a signed request. Raises Forged, and NoSignals without a secret."""
    if not secret:
        raise NoSignals("No signing secret is set: enter the provider's.")
    key, told = given.get(f"{prefix}-id", ""), given.get(f"{prefix}-timestamp", "")
    if not key or not told.isdigit() or len(told) > 12 or abs(time.time() - int(told)) > TOLERANCE:
        raise Forged("The signature is missing or too old.")
    wanted = _mac(secret_bytes(secret), key, int(told), body).encode()
    for signature in given.get(f"{prefix}-signature", "")[:2_000].split(" "):
        version, _, mac = signature.partition(",")
        if version == "v1" and hmac.compare_digest(mac.encode("utf-8", "replace"), wanted):
            return key
    raise Forged("The signature does not fit.")


def _mac(secret: bytes, key: str, at: int, body: bytes) -> str:
    signed = f"{key}.{at}.".encode() + body
    return base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
