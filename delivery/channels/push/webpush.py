"""Web Push: notifications to browsers, encrypted for each (RFC 8291), by a VAPID key (RFC 8292).

A recipient is a browser's subscription, as JSON. Each may be at another push service, whose troubles concern it alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import AfterValidator, Field

from delivery.channels import push
from delivery.channels.base import Envelope, Outbound, Outcome, PushContent, Result
from delivery.channels.guarded import Answer, Request
from delivery.channels.http import HttpChannel, RefusedAccount, said
from delivery.channels.kinds import Account, Credentials, Kind, Settings
from delivery.channels.push import tokens

_TOKEN_SECONDS = 12 * 3600  # RFC 8292 allows 24 hours
_RECORD = 4096
_MOST_BYTES = 3_900  # of a notification, which all push services take
# What Firebase, Mozilla and Apple say of a browser that subscribed with another key.
_ANOTHER_KEY = re.compile(rb"do not correspond|mismatch", re.IGNORECASE)


def private_key(value: str) -> ec.EllipticCurvePrivateKey:
    """A P-256 key, as PEM or as its 32 bytes in base64url. Raises ValueError."""
    try:
        if value.startswith("-----"):
            found: Any = serialization.load_pem_private_key(value.encode(), password=None)
        else:
            found = ec.derive_private_key(int.from_bytes(tokens.decoded(value), "big"), ec.SECP256R1())
    except (ValueError, TypeError):
        found = None
    if not isinstance(found, ec.EllipticCurvePrivateKey) or not isinstance(found.curve, ec.SECP256R1):
        raise ValueError("a VAPID key is a P-256 key: PEM, or 32 bytes in base64url")
    return found


def _readable(value: str) -> str:
    private_key(value)
    return value


class WebPush(Settings):
    contact: str = Field(pattern=r"^(mailto:[^\s@]+@[^\s@]+|https://\S+)$")
    """Whom a push service can ask: mailto:… or https://…"""
    keep_seconds: int = Field(24 * 3600, ge=0, le=28 * 24 * 3600)
    """For so long a push service keeps a notification for a browser that is not there."""


class Vapid(Credentials):
    vapid_private_key: Annotated[str, Field(min_length=40, repr=False), AfterValidator(_readable)]
    """The key whose public half the shop's pages subscribe with."""


class Subscription(NamedTuple):
    endpoint: str
    public_key: bytes
    secret: bytes


class WebPushChannel(HttpChannel):
    may_repeat = True
    key_window = 24 * 3600.0  # a browser shows what shares a tag once
    is_one_provider = False

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._key = private_key(account.credentials.vapid_private_key)
        self._tokens: dict[str, tuple[float, str]] = {}
        self._welcome: set[str] = set()  # origins of push services that took something by this key

    def prepare(self, envelope: Envelope, message: Outbound) -> tuple[str, str, bytes]:
        """Where to, the topic, and the sealed notification."""
        if not isinstance(message.content, PushContent):
            raise ValueError("this message is no notification: choose another channel for its step")
        browser = subscription(message.recipient)
        document = json.dumps(_notification(message, message.content), ensure_ascii=False).encode()
        if len(document) > _MOST_BYTES:
            raise ValueError(f"the notification is larger than {_MOST_BYTES} bytes: shorten it")
        own, salt = ec.generate_private_key(ec.SECP256R1()), os.urandom(16)
        topic = tokens.encoded(hashlib.sha256((message.content.collapse_id or message.key).encode()).digest())[:32]
        return browser.endpoint, topic, sealed(document, browser, own, salt)

    def request(self, prepared: Sequence[tuple[str, str, bytes]]) -> Request:
        endpoint, topic, body = prepared[0]
        headers = {
            "Authorization": f"vapid t={self._token(endpoint)}, k={tokens.encoded(_point(self._key.public_key()))}",
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(self.account.settings.keep_seconds),
            "Topic": topic,
        }
        return Request("POST", endpoint, headers, body)

    def provider_id(self, answer: Answer) -> str:
        return answer.headers.get("location", "")[-200:]

    def classify(self, answer: Answer, messages: Sequence[Outbound]) -> list[Outcome]:
        """401 and 403: our key is refused; where others of the push service's browsers were reached by it, or it says
        so, this browser subscribed with another one. Raises RefusedAccount.
        """
        origin = _origin(subscription(messages[0].recipient).endpoint)
        if answer.status < 300:
            self._welcome.add(origin)
        elif answer.status in (401, 403) and origin not in self._welcome and not _ANOTHER_KEY.search(answer.body):
            cure = "correct the VAPID key"
            raise RefusedAccount(f"{self.provider}: {origin} refuses the key: {cure}. {said(answer)}", permanent=True)
        return super().classify(answer, messages)

    def refusal(self, answer: Answer) -> Result:
        """404 and 410: the browser unsubscribed."""
        if answer.status < 500 and answer.status not in (408, 425, 429):
            return Result.REJECTED
        return super().refusal(answer)

    def is_gone(self, answer: Answer) -> bool:
        return answer.status in (404, 410)

    def check(self) -> None:
        """There is nobody to ask before a browser subscribed."""

    def _token(self, endpoint: str) -> str:
        origin, now = _origin(endpoint), time.time()
        until, token = self._tokens.get(origin, (0.0, ""))
        if until < now + _TOKEN_SECONDS / 2:
            if len(self._tokens) > 1_000:
                self._tokens.clear()
            until = now + _TOKEN_SECONDS
            claims = {"aud": origin, "exp": int(until), "sub": self.account.settings.contact}
            token = tokens.signed(claims, self._key)
            self._tokens[origin] = (until, token)
        return token


def _origin(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc}"


def subscription(recipient: str) -> Subscription:
    """What a browser's PushSubscription says as JSON. Raises ValueError."""
    try:
        told = json.loads(recipient)
        endpoint, keys = told["endpoint"], told["keys"]
        found = Subscription(str(endpoint), tokens.decoded(keys["p256dh"]), tokens.decoded(keys["auth"]))
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), found.public_key)
    except (ValueError, KeyError, TypeError):
        raise ValueError("this is no browser's subscription: it needs its endpoint and both keys") from None
    if len(found.secret) != 16:
        raise ValueError("this is no browser's subscription: its auth is not 16 bytes")
    return found


def sealed(document: bytes, browser: Subscription, own: ec.EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """RFC 8291 and RFC 8188, in one record."""
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), browser.public_key)
    point = _point(own.public_key())
    info = b"WebPush: info\0" + browser.public_key + point
    shared = _derived(own.exchange(ec.ECDH(), theirs), browser.secret, info, 32)
    key = _derived(shared, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(shared, salt, b"Content-Encoding: nonce\0", 12)
    head = salt + _RECORD.to_bytes(4, "big") + bytes([len(point)]) + point
    return head + AESGCM(key).encrypt(nonce, document + b"\x02", None)


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt=salt, info=info).derive(secret)


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def _notification(message: Outbound, content: PushContent) -> dict[str, Any]:
    told = {"title": content.title, "body": content.body, "image": content.image, "link": content.link}
    more = {"tag": content.collapse_id or message.key, "message": message.key, "data": dict(content.data)}
    return {name: value for name, value in {**told, **more}.items() if value}


KIND = Kind("webpush", "Web Push", ("push",), WebPush, Vapid, WebPushChannel, takes=push.SUBSCRIPTION)
