"""Only what a provider signed itself is believed."""

from __future__ import annotations

import time
from typing import Any

import pytest

from delivery.channels import KINDS, standard_webhooks
from delivery.channels.base import ChannelUnavailable
from delivery.channels.email import aws
from delivery.channels.email.ses import SesChannel
from delivery.channels.signals import Forged, NoSignals, WebhookRequest
from tests.channels.signed import (
    CHANNELS,
    GOOD,
    MAKE,
    SECRET,
    TOPIC,
    certificate,
    channel,
    mailgun,
    sendgrid,
    ses,
)


@pytest.mark.parametrize("kind", CHANNELS)
def test_a_changed_body_is_forged(kind: str) -> None:
    made, request = CHANNELS[kind](), MAKE[kind](GOOD[kind])
    made.verify(request)
    if kind == "postmark":  # which signs nothing: its password is all
        with pytest.raises(Forged, match="The password does not fit"):
            made.verify(WebhookRequest(request.body, {"authorization": "Basic x"}, request.url))
        return
    if kind == "mailgun":  # which signs a time and a token
        changed = WebhookRequest(request.body.replace(b'"token": "token"', b'"token": "other"'), request.headers)
    else:
        changed = WebhookRequest(request.body.replace(b"x1", b"x2"), request.headers, request.url)
    with pytest.raises(Forged, match="The signature does not fit"):
        made.verify(changed)


MISSING = {"postmark": "The password does not fit"} | dict.fromkeys(("resend", "http_sms"), "The signature is missing")


@pytest.mark.parametrize("kind", CHANNELS)
def test_without_a_signature_it_is_forged(kind: str) -> None:
    request = MAKE[kind](GOOD[kind])
    body = b'{"event-data": {}, "signature": {}}' if kind == "mailgun" else request.body
    body = body.replace(b"Signature", b"Sgnature") if kind == "ses" else body
    made = CHANNELS[kind]()
    with pytest.raises(Forged, match=MISSING.get(kind, "The signature does not fit")):
        made.verify(WebhookRequest(body, {}, request.url))


@pytest.mark.parametrize("kind", sorted(set(KINDS) - set(CHANNELS)))
def test_who_sends_no_signals_is_never_believed(kind: str) -> None:
    assert {"smtp", "memory", "file", "fcm", "webpush", "webhook"} >= {kind}
    make: Any = KINDS[kind].make
    if isinstance(make, type):  # whose credentials say nothing here
        made, verify = None, make.verify
    else:
        made = channel(kind, {"host": "mail.example"} if kind == "smtp" else {}, {})
        verify = type(made).verify
    with pytest.raises(NoSignals):
        verify(made, WebhookRequest(b"{}", {}))


@pytest.mark.parametrize(
    ("kind", "settings", "credentials"),
    [
        ("sendgrid", {}, {"api_key": "k"}),
        ("mailgun", {"domain": "shop.example"}, {"api_key": "k"}),
        ("postmark", {}, {"server_token": "t"}),
        ("resend", {}, {"api_key": "k"}),
        ("ses", {"region": "eu-central-1"}, {"access_key_id": "k", "secret_access_key": "s"}),
        ("http_sms", {"url": "https://sms.example/"}, {}),
    ],
)
def test_nothing_is_believed_before_it_can_be_told_from_forged(
    kind: str, settings: dict[str, Any], credentials: dict[str, str]
) -> None:
    made, request = channel(kind, settings, credentials), MAKE[kind](GOOD[kind])
    with pytest.raises(NoSignals):
        made.verify(request)


def test_another_topic_or_another_s_certificate_is_not_amazon_s() -> None:
    made, file = CHANNELS["ses"](), "SimpleNotificationService-a.pem"
    for name, value, why in (
        ("TopicArn", TOPIC + "2", "another topic"),
        ("Timestamp", "9" * 5_000, "too old"),
        ("SigningCertURL", f"https://sns.eu-central-1.amazonaws.com.evil.example/{file}", "not Amazon's"),
        ("SigningCertURL", f"http://sns.eu-central-1.amazonaws.com/{file}", "not Amazon's"),
        ("SigningCertURL", f"https://evil.example/sns.eu-central-1.amazonaws.com/{file}", "not Amazon's"),
    ):
        request = ses(GOOD["ses"], **{name: value})
        with pytest.raises(Forged, match=why):
            made.verify(request)


def test_a_subscription_is_confirmed_at_amazon_s_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    visited: list[str] = []
    monkeypatch.setattr(SesChannel, "visit", lambda self, url: visited.append(url))
    made, page = CHANNELS["ses"](), "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=abc"
    for kind, url in (("SubscriptionConfirmation", page), ("Notification", page)):
        made.confirm(ses(GOOD["ses"], Type=kind, SubscribeURL=url))
    assert visited == [page]
    for url in ("https://evil.example/?Action=ConfirmSubscription", page.replace(".com/", ".com.evil.example/"), ""):
        with pytest.raises(ChannelUnavailable, match="not Amazon's"):
            made.confirm(ses(GOOD["ses"], Type="SubscriptionConfirmation", SubscribeURL=url))
    assert visited == [page]


@pytest.mark.parametrize(("make", "longest"), [(mailgun, 300), (sendgrid, 86_400), (ses, 86_400)])
def test_what_was_signed_long_ago_or_is_not_of_now_is_forged(make: Any, longest: int) -> None:
    kind = make.__name__
    made = CHANNELS[kind]()
    made.verify(make(GOOD[kind], age=longest - 60))
    for age in (longest + 1, -400):
        with pytest.raises(Forged, match="too old"):
            made.verify(make(GOOD[kind], age=age))


def test_amazon_s_certificate_is_fetched_once_and_what_is_none_only_now_and_then() -> None:
    fetched, clock = [], [100.0]

    def fetch(url: str) -> bytes:
        fetched.append(url)
        return certificate(url) if "good" in url else b"<html>404</html>"

    kept = aws.Certificates(fetch, clock=lambda: clock[0])
    assert kept.of("good") == kept.of("good")
    with pytest.raises(ValueError, match="PEM"):
        kept.of("bad 1")
    for _ in range(9):
        with pytest.raises(Forged, match="just now"):
            kept.of("bad 2")
        kept.of("good")
    clock[0] += 10
    kept.of("another good")
    assert fetched == ["good", "bad 1", "another good"]


def test_an_old_signature_is_forged() -> None:
    body, at = b'{"type": "x", "data": {"a": 1}}', int(time.time()) - 600
    signed = standard_webhooks.headers(standard_webhooks.secret_bytes(SECRET), "msg_1", body, at=at)
    with pytest.raises(Forged, match="too old"):
        standard_webhooks.verify(SECRET, signed, body)


def test_the_signature_is_the_standard_s() -> None:
    """The example of standardwebhooks.com's own test suites."""
    secret = standard_webhooks.secret_bytes("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = standard_webhooks.headers(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', at=1614265330)
    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
