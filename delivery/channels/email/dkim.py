"""DKIM signatures (RFC 6376, RFC 8463): relaxed canonicalisation of headers and body, RSA-2048 or Ed25519."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

# What a reader sees, and what a mailbox acts on. A field that a message lacks is left out.
_SIGNED = (
    "from", "to", "subject", "date", "message-id", "reply-to", "mime-version", "content-type", "list-unsubscribe",
    "list-unsubscribe-post", "x-bannerline-message",
)  # fmt: skip
_NAME = re.compile(r"(?i)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_SPACES = re.compile(rb"[ \t]+")
_SPACES_AT_END = re.compile(rb"[ \t]+(?=\r\n|\Z)")


def signer(domain: str, selector: str, private_key: str) -> Callable[[bytes], bytes]:
    """Makes the DKIM-Signature field of a message with CRLF line ends. Raises ValueError."""
    if not _NAME.fullmatch(domain) or not _NAME.fullmatch(selector):
        raise ValueError("DKIM needs a domain and a selector, as they stand in DNS: selector._domainkey.domain.")
    algorithm, sign = _algorithm(private_key)

    def field(message: bytes) -> bytes:
        head, _, body = message.partition(b"\r\n\r\n")
        fields = _fields(head)
        body_hash = b64encode(hashlib.sha256(_relaxed_body(body)).digest()).decode()
        value = (
            f"v=1; a={algorithm}; c=relaxed/relaxed; d={domain}; s={selector};\r\n"
            f" h={':'.join(name for name, _ in fields)};\r\n bh={body_hash};\r\n b="
        )
        data = b"".join(line + b"\r\n" for _, line in fields) + _relaxed("dkim-signature", value.encode())
        signature = b64encode(sign(data)).decode()
        folded = "\r\n ".join(signature[start : start + 72] for start in range(0, len(signature), 72))
        return f"DKIM-Signature: {value}{folded}\r\n".encode()

    return field


def _algorithm(private_key: str) -> tuple[str, Callable[[bytes], bytes]]:
    try:
        key: Any = serialization.load_pem_private_key(private_key.encode(), password=None)
    except (ValueError, TypeError):
        raise ValueError("The DKIM key cannot be read: paste it as PEM, without a password.") from None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519-sha256", lambda data: key.sign(hashlib.sha256(data).digest())
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 1024:
        return "rsa-sha256", lambda data: key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    raise ValueError("The DKIM key must be RSA of at least 1024 bits, or Ed25519.")


def _fields(head: bytes) -> list[tuple[str, bytes]]:
    """The fields to sign, in the order of the message, each as one relaxed line without its end."""
    unfolded = re.sub(rb"\r\n(?=[ \t])", b"", head)
    found = []
    for line in unfolded.split(b"\r\n"):
        name, _, value = line.partition(b":")
        lowered = name.strip().decode("ascii", "replace").lower()
        if lowered in _SIGNED:
            found.append((lowered, _relaxed(lowered, value)))
    return found


def _relaxed(name: str, value: bytes) -> bytes:
    return name.encode() + b":" + _SPACES.sub(b" ", value.replace(b"\r\n", b"")).strip()


def _relaxed_body(body: bytes) -> bytes:
    lines = _SPACES.sub(b" ", _SPACES_AT_END.sub(b"", body)).rstrip(b"\r\n")
    return lines + b"\r\n" if lines else b""
