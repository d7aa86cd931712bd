"""Amazon's signatures: Signature Version 4 under requests to it, and SNS's over what it sends."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from delivery.channels.signals import LONG, Forged, check_age

_CERTIFICATES = re.compile(
    r"https://sns\.[a-z0-9-]{3,30}\.amazonaws\.com(\.cn)?/SimpleNotificationService-[A-Za-z0-9]+\.pem"
)
_SUBSCRIPTIONS = re.compile(r"https://sns\.[a-z0-9-]{3,30}\.amazonaws\.com(\.cn)?/\?[A-Za-z0-9=&:%._-]{1,1000}")
_MOST_CERTIFICATES = 32  # a few regions', and those before them
_PAUSE = 10.0  # seconds
_SIGNED = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


@dataclass(frozen=True)
class Signer:
    """Signature Version 4 for SES."""

    region: str
    key_id: str
    secret: str = field(repr=False)

    def headers(self, method: str, url: str, body: bytes, *, at: datetime) -> dict[str, str]:
        """The fields that sign a request; `at` is in UTC."""
        parts, stamp = urlsplit(url), at.strftime("%Y%m%dT%H%M%SZ")
        fields = {"content-type": "application/json", "host": parts.netloc, "x-amz-date": stamp}
        names, lines = ";".join(fields), "".join(f"{name}:{value}\n" for name, value in fields.items())
        digest = hashlib.sha256(body).hexdigest()
        canonical = f"{method}\n{parts.path}\n{parts.query}\n{lines}\n{names}\n{digest}"
        scope = f"{stamp[:8]}/{self.region}/ses/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = f"AWS4{self.secret}".encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
        credential = f"Credential={self.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
        return {
            "Content-Type": "application/json",
            "X-Amz-Date": stamp,
            "Authorization": f"AWS4-HMAC-SHA256 {credential}",
        }


class Certificates:
    """Amazon's, which change about once a year: each is fetched once, as who asks for it has proved nothing yet.

    After a fetch that brought none, there is no other for `_PAUSE` seconds. `fetch` raises Forged.
    """

    def __init__(self, fetch: Callable[[str], bytes], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch, self._clock = fetch, clock
        self._found: dict[str, bytes] = {}
        self._not_before = 0.0

    def of(self, url: str) -> bytes:
        """PEM. Raises Forged."""
        found = self._found.get(url)
        if found is None:
            if self._clock() < self._not_before:
                raise Forged("The certificate is not known, and cannot be fetched just now.")
            self._not_before = self._clock() + _PAUSE
            found = self._fetch(url)
            x509.load_pem_x509_certificate(found)
            self._not_before = 0.0
            self._found = {**self._found, url: found} if len(self._found) < _MOST_CERTIFICATES else {url: found}
        return found


def is_of_sns(url: str) -> bool:
    """Whether a subscription can be confirmed there."""
    return _SUBSCRIPTIONS.fullmatch(url) is not None


def verify_notification(told: Mapping[str, Any], certificate: Callable[[str], bytes]) -> None:
    """Whether SNS signed it. `certificate` fetches the PEM at a URL. Raises Forged."""
    url = str(told.get("SigningCertURL", ""))
    if not _CERTIFICATES.fullmatch(url):
        raise Forged("The certificate is not Amazon's.")
    check_age(told.get("Timestamp"), LONG)
    names = [name for name in _SIGNED if told.get(name) is not None]
    if told.get("Type") == "Notification":
        names = [name for name in names if name not in ("SubscribeURL", "Token")]
    signed = "".join(f"{name}\n{told[name]}\n" for name in names).encode()
    algorithm = hashes.SHA256() if str(told.get("SignatureVersion")) == "2" else hashes.SHA1()
    try:
        key = x509.load_pem_x509_certificate(certificate(url)).public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise Forged("The certificate is not one of RSA.")
        signature = base64.b64decode(str(told.get("Signature", "")), validate=True)
        key.verify(signature, signed, padding.PKCS1v15(), algorithm)
    except (ValueError, InvalidSignature):
        raise Forged("The signature does not fit.") from None
