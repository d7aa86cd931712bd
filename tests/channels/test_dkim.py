"""DKIM: what we sign, another implementation verifies, and any change shows."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import dkim as other
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.channels.base import Envelope, Outbound
from delivery.channels.email import dkim
from delivery.channels.email.mime import Skeleton
from tests.channels.contract import HEADERS
from tests.delivery import scripted
from tests.delivery.scripted import ScriptedServer

RSA = rsa.generate_private_key(65537, 2048)
ED = ed25519.Ed25519PrivateKey.generate()
ENVELOPE = Envelope("bounces@acme.example", "Größe & Söhne", "news@acme.example", "help@acme.example")


def pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def record(name: bytes, timeout: int = 5) -> bytes:
    """What DNS says at <selector>._domainkey.acme.example."""
    if name.startswith(b"ed."):
        raw = ED.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return b"v=DKIM1; k=ed25519; p=" + base64.b64encode(raw)
    der = RSA.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(der)


def message(subject: str = "Hello", html: str = "<p>Größe</p>", text: str = "Größe\n\n\n") -> bytes:
    skeleton = Skeleton(ENVELOPE, date=datetime.now(UTC), eight_bit=True)
    return skeleton.fill(Outbound("m1", "c1@shop.example", subject, html, text, HEADERS))


SIGNERS = {"rsa": dkim.signer("acme.example", "rsa", pem(RSA)), "ed": dkim.signer("acme.example", "ed", pem(ED))}


@pytest.mark.parametrize("selector", SIGNERS)
@settings(max_examples=30)
@given(
    subject=st.text(max_size=120).filter(lambda value: not set(value) & set("\r\n\0")),
    text=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=200),
)
def test_another_implementation_verifies_it(selector: str, subject: str, text: str) -> None:
    unsigned = message(subject, text=text)
    assert other.verify(SIGNERS[selector](unsigned) + unsigned, dnsfunc=record)


@pytest.mark.parametrize("selector", SIGNERS)
def test_any_change_shows(selector: str) -> None:
    unsigned = message()
    field = SIGNERS[selector](unsigned)
    for before, after in ((b"Hello", b"Hollo"), (b"<p>", b"<b>"), (b"c1@shop", b"c2@shop"), (b"/u/x", b"/u/y")):
        assert not other.verify(field + unsigned.replace(before, after), dnsfunc=record)


def test_a_message_goes_out_signed() -> None:
    with ScriptedServer() as server:
        sender = scripted.channel(server, sign=SIGNERS["rsa"])
        sender.send(ENVELOPE, scripted.batch(3), seconds=10)
        sender.close()
    assert [other.verify(mail.content, dnsfunc=record) for mail in server.mails] == [True] * 3


@pytest.mark.parametrize(
    ("domain", "selector", "key"),
    [("acme.example", "x", "not a key"), ("acme example", "x", pem(RSA)), ("acme.example", "x;y", pem(RSA))],
)
def test_a_key_or_name_that_cannot_be_one_is_refused(domain: str, selector: str, key: str) -> None:
    with pytest.raises(ValueError, match="DKIM"):
        dkim.signer(domain, selector, key)
