"""DKIM (RFC 6376, RFC 8463): the keys in DNS by which receivers know our signatures."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from delivery.senders.findings import Finding, Record, Severity
from delivery.senders.lookup import Lookup

SHORTEST, SHORT = 1024, 2048  # bits of an RSA key: below the one it is refused, below the other it is frowned upon


@dataclass(frozen=True)
class Key:
    """A key that signs: `domain` is the signature's d=. `record` is what must stand in DNS, where we know."""

    selector: str
    domain: str
    record: str = ""
    account: str = ""

    @property
    def name(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"


def look(domain: str, lookup: Lookup, keys: Sequence[Key], unknown: Sequence[str]) -> list[Finding]:
    """`unknown` are accounts that sign with a key whose selector nobody has told us. Raises CouldNotLook."""
    told = [_key(lookup, key) for key in keys]
    if keys:
        return told
    if unknown:
        message = f"Mail from {domain} is signed by {', '.join(unknown)}, and we do not know the name of its key"
        cure = "write its DKIM selectors on the page of the sender domain: the part before ._domainkey"
        return [Finding("dkim", "hint", message, cure)]
    message = f"Nothing signs mail from {domain}: we know of no DKIM key"
    cure = "give the provider a DKIM key, or write the selectors of your mail server's on the page of the sender domain"
    return [Finding("dkim", "error", message, cure)]


def _key(lookup: Lookup, key: Key) -> Finding:
    record = Record(key.name, "TXT", key.record) if key.record else None
    publish = "publish the record" if record else "publish the record that the service shows for it"
    found = [tags for text in lookup.txt(key.name) if "p" in (tags := _tags(text))]
    if not found:
        return Finding("dkim", "error", f"There is no DKIM key at {key.name}", publish, record)
    if len(found) > 1:
        return Finding("dkim", "error", f"There are {len(found)} DKIM keys at {key.name}", "leave one of them", record)
    severity, words = _judged(found[0], _tags(key.record).get("p", ""))
    cure = {"ok": "", "hint": "remove t=y when all is well"}.get(severity, publish)
    return Finding("dkim", severity, f"The DKIM key at {key.name} {words}", cure, record if cure else None)


def _judged(tags: dict[str, str], ours: str) -> tuple[Severity, str]:
    public = "".join(tags["p"].split())
    if not public:
        return "error", "is revoked: its p= is empty"
    if ours and public != ours:
        return "error", "is another one than signs: every signature fails"
    severity, words = _strength(tags.get("k", "rsa").lower(), public)
    if severity == "ok" and "y" in tags.get("t", "").split(":"):
        return "hint", "is marked as a test (t=y): receivers may pass over it"
    return severity, words


def _strength(kind: str, public: str) -> tuple[Severity, str]:
    try:
        raw = base64.b64decode(public, validate=True)
    except (binascii.Error, ValueError):
        return "error", "cannot be read: its p= is no base64"
    if kind == "ed25519":
        return ("ok", "is of Ed25519") if len(raw) == 32 else ("error", "cannot be read: an Ed25519 key has 32 bytes")
    try:
        key = load_der_public_key(raw)
    except (ValueError, UnsupportedAlgorithm):
        return "error", "cannot be read: its p= is no public key"
    if not isinstance(key, rsa.RSAPublicKey):
        return "error", "cannot be read: it is neither RSA nor Ed25519"
    if key.key_size < SHORTEST:
        return "error", f"has {key.key_size} bits, and receivers pass over it: use 2048"
    if key.key_size < SHORT:
        return "warning", f"has {key.key_size} bits: use 2048"
    return "ok", f"has {key.key_size} bits"


def _tags(text: str) -> dict[str, str]:
    """`k=rsa; p=...` as a table."""
    parts = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, is_, value in parts if is_}
