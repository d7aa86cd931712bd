"""Every kind of provider, as an account at the fake ones, and what a test of their contract asks."""

from __future__ import annotations

import http.client
import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from delivery.channels import KINDS
from delivery.channels.base import Channel, Content, Envelope, Outbound, PushContent, SmsContent, WebhookContent
from delivery.channels.kinds import Account
from delivery.channels.push import tokens
from tests.channels.dialects import GOOD, SIGNING

ENVELOPE = Envelope("bounces@acme.example", 'Acme "Foods" Größe', "news@acme.example", "help@acme.example")
HEADERS = {"List-Unsubscribe": "<https://acme.example/u/x>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


class Fake:
    """The process of the fake providers."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        self.process, ports = process, json.loads(process.stdout.readline())
        self.http, self.smtp, self.chunking = ports["http"], ports["smtp"], ports["chunking"]
        self.url = f"http://127.0.0.1:{self.http}"

    def behave(self, **behaviour: str) -> None:
        """How it treats which message from now on, as in `take and drop, then accept`; `everybody`: all others."""
        named = {"*" if key == "everybody" else key: how.split(", then ") for key, how in behaviour.items()}
        self._call("POST", "/_behave", json.dumps(named))

    def taken(self, kind: str) -> list[str]:
        """The keys of the messages it has taken, in order."""
        return list(self._call("GET", "/_ledger")["mails" if kind == "smtp" else "taken"])

    def calls(self) -> int:
        return int(self._call("GET", "/_ledger")["calls"])

    def connections(self, kind: str) -> int:
        """How many were opened to hand messages over, since `behave`."""
        return int(self._call("GET", "/_ledger")["mail_connections" if kind == "smtp" else "connections"])

    def _call(self, method: str, path: str, body: str = "") -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=10)
        try:
            connection.request(method, path, body)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


@dataclass(frozen=True)
class Setup:
    """A kind at the fake provider: what is configured, and what its messages hold."""

    settings: dict[str, Any]
    credentials: dict[str, str]
    content: Content | None = None
    needs_body: bool = True  # whether only a good document is an acceptance
    is_one: bool = True  # one provider, or a server per recipient
    is_http: bool = True


SMS = SmsContent('Größe: {sender} 50 % "off" today. Reply STOP')
PUSH = PushContent("Hello", "Größe", image="https://acme.example/i.png", link="https://acme.example/", data={"a": "b"})


@cache
def service_account(token_url: str) -> str:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    told = {"client_email": "a@shop.iam.example", "project_id": "shop", "private_key": pem, "token_uri": token_url}
    return json.dumps(told)


def point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


@cache
def vapid_key() -> str:
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return tokens.encoded(number.to_bytes(32, "big"))


def setups(fake: Fake) -> dict[str, Setup]:
    url = fake.url
    return {
        "smtp": Setup({"host": "127.0.0.1", "port": fake.smtp, "security": "none"}, {}, is_http=False),
        "sendgrid": Setup({"base_url": url}, {"api_key": GOOD}),
        "mailgun": Setup({"base_url": url, "domain": "shop.example"}, {"api_key": GOOD}),
        "postmark": Setup({"base_url": url}, {"server_token": GOOD}),
        "resend": Setup({"base_url": url}, {"api_key": GOOD}),
        "ses": Setup(
            {"base_url": url, "region": "eu-central-1"}, {"access_key_id": GOOD, "secret_access_key": GOOD}
        ),
        "twilio": Setup(
            {
                "base_url": url,
                "account_sid": "AC" + "0" * 32,
                "sender": "+4915112345678",
                "status_callback": "https://acme.example/api/v1/signals/twilio/",
            },
            {"auth_token": GOOD},
            SMS,
        ),
        "http_sms": Setup(
            {
                "url": f"{url}/sms",
                "body": {"message": {"to": ["{recipient}"], "text": "{text}", "reference": "{key}", "ttl": 3600}},
                "id_path": "messages.0.id",
                "key_header": "X-Request-Key",
                "key_seconds": 3600,
            },
            {"token": GOOD},
            SMS,
        ),
        "fcm": Setup({"base_url": url}, {"service_account": service_account(f"{url}/token")}, PUSH),
        "webpush": Setup(
            {"contact": "mailto:ops@acme.example"}, {"vapid_private_key": vapid_key()}, PUSH,
            needs_body=False, is_one=False,
        ),
        "webhook": Setup(
            {"url": f"{url}/hook"}, {"signing_secret": SIGNING}, WebhookContent({"a": "Größe"}), needs_body=False
        ),
    }  # fmt: skip


KINDS_AT_A_PROVIDER = sorted(set(KINDS) - {"memory", "file"})
PER_RECIPIENT = {"webpush"}  # every recipient has a server
STATUS_ONLY = {"webpush", "webhook"}  # the status is the whole answer
ONE_VALUE = {"twilio", "http_sms", "fcm", "webhook"}  # a recipient is a value of a document, which holds any text
KEYED = {"resend", "http_sms", "fcm", "webpush", "webhook"}
Make = Callable[..., Channel]


@dataclass(frozen=True)
class Trial:
    """One kind under the contract."""

    kind: str
    fake: Fake
    setup: Setup
    make: Make

    @property
    def channel(self) -> Channel:
        return self.make()

    def batch(self, size: int = 6) -> list[Outbound]:
        return [self.message(f"m{number}") for number in range(size)]

    def message(self, key: str) -> Outbound:
        if self.setup.content is None:
            return Outbound(key, f"{key}@shop.example", f"Hello {key} é", "<p>Größe</p>", "Größe", HEADERS)
        return Outbound(key, self.recipient(key), content=self.setup.content)

    def recipient(self, key: str) -> str:
        if self.kind != "webpush":
            return f"+49151{key[1:]:0>8}"
        keys = {"p256dh": tokens.encoded(point(ec.generate_private_key(ec.SECP256R1()))), "auth": "A" * 22}
        return json.dumps({"endpoint": f"{self.fake.url}/push/{key}", "keys": keys})

    def taken(self) -> list[str]:
        return self.fake.taken(self.kind)


def account(kind: str, setup: Setup, **changes: Any) -> Account:
    known = KINDS[kind]
    return Account(
        kind,
        known.settings.model_validate(setup.settings | changes.pop("settings", {})),
        known.credentials.model_validate(setup.credentials | changes.pop("credentials", {})),
        **{"timeout": 1.0, "allow_private": True} | changes,
    )


def only(*kinds: str) -> pytest.MarkDecorator:
    """The contract's part that is about these kinds."""
    return pytest.mark.parametrize("trial", sorted(kinds), indirect=True)


def by_key(outcomes: Sequence[Any]) -> dict[str, str]:
    return {outcome.key: outcome.result.value for outcome in outcomes}
