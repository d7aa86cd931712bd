"""Web Push's encryption and tokens, held against the standards' own examples."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from delivery.channels.push import fcm, tokens, webpush

# RFC 8291, appendix A.
PLAIN = b"When I grow up, I want to be a watermelon"
OWN = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
THEIRS = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH, SALT = "BTBZMqHH6r4Tts7J_aSIgg", "DGv6ra1nlYgDCS1FRnbzlw"
SEALED = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
    "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def test_encryption_is_the_standard_s() -> None:
    recipient = json.dumps({"endpoint": "https://push.example/x", "keys": {"p256dh": THEIRS, "auth": AUTH}})
    browser = webpush.subscription(recipient)
    made = webpush.sealed(PLAIN, browser, webpush.private_key(OWN), tokens.decoded(SALT))
    assert tokens.encoded(made) == SEALED


def test_a_token_is_signed_by_the_key() -> None:
    key = webpush.private_key(OWN)
    head, claims, signature = tokens.signed({"aud": "https://push.example"}, key).split(".")
    assert json.loads(tokens.decoded(head)) == {"typ": "JWT", "alg": "ES256"}
    raw = tokens.decoded(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key.public_key().verify(der, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize(
    "recipient",
    [
        "", "token", "[]", "{}", '{"endpoint": "https://x"}', '{"endpoint": "https://x", "keys": {}}',
        json.dumps({"endpoint": "https://x", "keys": {"p256dh": "AAAA", "auth": AUTH}}),
        json.dumps({"endpoint": "https://x", "keys": {"p256dh": THEIRS, "auth": "AAAA"}}),
    ],
)  # fmt: skip
def test_what_is_no_subscription_is_refused(recipient: str) -> None:
    with pytest.raises(ValueError, match="subscription"):
        webpush.subscription(recipient)


@pytest.mark.parametrize("file", ["", "x", "[]", "{}", '{"client_email": "a", "project_id": "b", "private_key": "c"}'])
def test_what_is_no_service_account_is_refused(file: str) -> None:
    with pytest.raises(ValueError, match="service account"):
        fcm.ServiceAccount(file)
