"""JSON Web Tokens (RFC 7519) as push services want them: RS256 of a service account, ES256 of a VAPID key."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Raises ValueError."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def signed(claims: Mapping[str, Any], key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    is_rsa = isinstance(key, rsa.RSAPrivateKey)
    head = {"typ": "JWT", "alg": "RS256" if is_rsa else "ES256"}
    body = ".".join(encoded(json.dumps(dict(part), separators=(",", ":")).encode()) for part in (head, claims))
    if isinstance(key, rsa.RSAPrivateKey):
        return f"{body}.{encoded(key.sign(body.encode(), padding.PKCS1v15(), hashes.SHA256()))}"
    numbers = decode_dss_signature(key.sign(body.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{body}.{encoded(b''.join(number.to_bytes(32, 'big') for number in numbers))}"
