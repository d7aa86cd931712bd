"""What providers tell afterwards: only their own word counts, and it becomes ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from delivery.channels import KINDS, standard_webhooks
from delivery.channels.base import ChannelUnavailable
from delivery.channels.email import aws
from delivery.channels.email.ses import SesChannel
from delivery.channels.kinds import Account
from delivery.channels.signals import Forged, NoSignals, Signal, SignalKind, Unreadable, WebhookRequest

SECRET = "whsec_" + base64.b64encode(b"a secret of more than sixteen bytes").decode()
EC_KEY = ec.generate_private_key(ec.SECP256R1())
EC_PUBLIC = base64.b64encode(
    EC_KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()
TOPIC = "arn:aws:sns:eu-central-1:123456789012:events"
TWILIO_URL = "https://acme.example/api/v1/signals/twilio/?message=m1"


def channel(kind: str, settings: dict[str, Any], credentials: dict[str, str]) -> Any:
    known = KINDS[kind]
    given = known.settings.model_validate(settings), known.credentials.model_validate(credentials)
    return known.make(Account(kind, *given))


CHANNELS: dict[str, Callable[[], Any]] = {
    "sendgrid": lambda: channel("sendgrid", {"verification_key": EC_PUBLIC}, {"api_key": "k"}),
    "mailgun": lambda: channel("mailgun", {"domain": "shop.example"}, {"api_key": "k", "signing_key": "signing"}),
    "postmark": lambda: channel("postmark", {}, {"server_token": "t", "webhook_password": "open sesame"}),
    "resend": lambda: channel("resend", {}, {"api_key": "k", "signing_secret": SECRET}),
    "ses": lambda: channel(
        "ses", {"region": "eu-central-1", "topic_arn": TOPIC}, {"access_key_id": "k", "secret_access_key": "s"}
    ),
    "twilio": lambda: channel("twilio", {"account_sid": "AC" + "0" * 32, "sender": "Shop"}, {"auth_token": "token"}),
    "http_sms": lambda: channel("http_sms", {"url": "https://sms.example/"}, {"signing_secret": SECRET}),
}


def sendgrid(document: Any, age: int = 0) -> WebhookRequest:
    body, at = json.dumps(document).encode(), str(int(time.time()) - age)
    signature = base64.b64encode(EC_KEY.sign(at.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    names = ("x-twilio-email-event-webhook-signature", "x-twilio-email-event-webhook-timestamp")
    return WebhookRequest(body, dict(zip(names, (signature, at), strict=True)))


def mailgun(document: Any, age: int = 0) -> WebhookRequest:
    at = str(int(time.time()) - age)
    mac = hmac.new(b"signing", f"{at}token".encode(), hashlib.sha256).hexdigest()
    signature = {"timestamp": at, "token": "token", "signature": mac}
    return WebhookRequest(json.dumps({"signature": signature, "event-data": document}).encode(), {})


def postmark(document: Any) -> WebhookRequest:
    login = base64.b64encode(b"bannerline:open sesame").decode()
    return WebhookRequest(json.dumps(document).encode(), {"authorization": f"Basic {login}"})


def svix(document: Any, prefix: str = "svix") -> WebhookRequest:
    body = json.dumps(document).encode()
    signed = standard_webhooks.headers(standard_webhooks.secret_bytes(SECRET), "msg_1", body, at=int(time.time()))
    return WebhookRequest(body, {name.replace("webhook", prefix): value for name, value in signed.items()})


def twilio(document: dict[str, str]) -> WebhookRequest:
    signed = TWILIO_URL + "".join(name + document[name] for name in sorted(document))
    mac = base64.b64encode(hmac.new(b"token", signed.encode(), hashlib.sha1).digest()).decode()
    return WebhookRequest(urlencode(document).encode(), {"x-twilio-signature": mac}, TWILIO_URL)


SNS_KEY = rsa.generate_private_key(65537, 2048)


def certificate(url: str) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(SNS_KEY.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return made.sign(SNS_KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def ses(document: Any, age: int = 0, **changes: str) -> WebhookRequest:
    """The changes are signed as well."""
    told = {
        "Type": "Notification",
        "MessageId": "sns-1",
        "TopicArn": TOPIC,
        "Message": json.dumps(document),
        "Timestamp": (datetime.now(UTC) - timedelta(seconds=age)).isoformat(timespec="milliseconds"),
        "SignatureVersion": "2",
        "SigningCertURL": "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-abc.pem",
        **changes,
    }
    signed = "".join(f"{name}\n{told[name]}\n" for name in ("Message", "MessageId", "Timestamp", "TopicArn", "Type"))
    told["Signature"] = base64.b64encode(SNS_KEY.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
    return WebhookRequest(json.dumps(told).encode(), {})


MAKE: dict[str, Callable[[Any], WebhookRequest]] = {
    "sendgrid": sendgrid, "mailgun": mailgun, "postmark": postmark, "resend": svix, "ses": ses, "twilio": twilio,
    "http_sms": lambda document: svix(document, "webhook"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def amazon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SesChannel, "certificate", lambda self, url: certificate(url))


SG = {
    "email": "a@b.example",
    "timestamp": 1700000000,
    "sg_event_id": "e1",
    "sg_message_id": "x1.recvd-1",
    "bannerline": "m1",
}
MG = {"id": "e1", "timestamp": 1700000000.5, "recipient": "a@b.example", "user-variables": {"bannerline": "m1"},
      "message": {"headers": {"message-id": "x1"}}}  # fmt: skip
PM = {"MessageID": "x1", "Recipient": "a@b.example", "Metadata": {"bannerline": "m1"}}
RS = {"email_id": "x1", "to": ["a@b.example"], "tags": {"bannerline": "m1"}}
SES = {"mail": {"messageId": "x1", "tags": {"bannerline": ["m1"]}, "destination": ["a@b.example"]}}
BOUNCED = {"bouncedRecipients": [{"emailAddress": "a@b.example", "diagnosticCode": "550 no"}]}
CASES: list[tuple[str, Any, SignalKind, bool]] = [
    ("sendgrid", [SG | {"event": "delivered"}], SignalKind.DELIVERED, False),
    ("sendgrid", [SG | {"event": "bounce", "type": "bounce", "reason": "550 no"}], SignalKind.BOUNCE, True),
    ("sendgrid", [SG | {"event": "bounce", "type": "blocked"}], SignalKind.BOUNCE, False),
    ("sendgrid", [SG | {"event": "dropped", "reason": "Bounced Address"}], SignalKind.BOUNCE, True),
    ("sendgrid", [SG | {"event": "spamreport"}], SignalKind.COMPLAINT, False),
    ("sendgrid", [SG | {"event": "open", "useragent": "Mail"}], SignalKind.OPEN, False),
    ("sendgrid", [SG | {"event": "click", "url": "https://acme.example/"}], SignalKind.CLICK, False),
    ("sendgrid", [SG | {"event": "group_unsubscribe"}], SignalKind.UNSUBSCRIBE, False),
    ("sendgrid", [SG | {"event": "processed"}], SignalKind.UNKNOWN, False),
    ("mailgun", MG | {"event": "delivered"}, SignalKind.DELIVERED, False),
    ("mailgun", MG | {"event": "failed", "severity": "permanent"}, SignalKind.BOUNCE, True),
    ("mailgun", MG | {"event": "failed", "severity": "temporary"}, SignalKind.BOUNCE, False),
    ("mailgun", MG | {"event": "complained"}, SignalKind.COMPLAINT, False),
    ("mailgun", MG | {"event": "opened"}, SignalKind.OPEN, False),
    ("mailgun", MG | {"event": "clicked", "url": "https://acme.example/"}, SignalKind.CLICK, False),
    ("mailgun", MG | {"event": "unsubscribed"}, SignalKind.UNSUBSCRIBE, False),
    ("mailgun", MG | {"event": "stored"}, SignalKind.UNKNOWN, False),
    ("postmark", PM | {"RecordType": "Delivery", "DeliveredAt": "2026-11-26T12:00:00Z"}, SignalKind.DELIVERED, False),
    ("postmark", PM | {"RecordType": "Bounce", "Type": "HardBounce", "ID": 4}, SignalKind.BOUNCE, True),
    ("postmark", PM | {"RecordType": "Bounce", "Type": "Transient", "ID": 5}, SignalKind.BOUNCE, False),
    ("postmark", PM | {"RecordType": "SpamComplaint", "ID": 6}, SignalKind.COMPLAINT, False),
    ("postmark", PM | {"RecordType": "Open", "UserAgent": "Mail"}, SignalKind.OPEN, False),
    ("postmark", PM | {"RecordType": "Click", "OriginalLink": "https://a.example/"}, SignalKind.CLICK, False),
    ("postmark", PM | {"RecordType": "SubscriptionChange", "SuppressSending": True}, SignalKind.UNSUBSCRIBE, False),
    ("postmark", PM | {"RecordType": "SubscriptionChange", "SuppressSending": False}, SignalKind.UNKNOWN, False),
    ("resend", {"type": "email.delivered", "data": RS}, SignalKind.DELIVERED, False),
    ("resend", {"type": "email.bounced", "data": RS | {"bounce": {"type": "Permanent"}}}, SignalKind.BOUNCE, True),
    ("resend", {"type": "email.bounced", "data": RS | {"bounce": {"type": "Transient"}}}, SignalKind.BOUNCE, False),
    ("resend", {"type": "email.complained", "data": RS}, SignalKind.COMPLAINT, False),
    ("resend", {"type": "email.opened", "data": RS}, SignalKind.OPEN, False),
    ("resend", {"type": "email.clicked", "data": RS | {"click": {"link": "https://a.example"}}}, SignalKind.CLICK, False),  # noqa: E501
    ("resend", {"type": "email.delivery_delayed", "data": RS}, SignalKind.UNKNOWN, False),
    ("ses", SES | {"eventType": "Delivery", "delivery": {"recipients": ["a@b.example"]}}, SignalKind.DELIVERED, False),
    ("ses", SES | {"eventType": "Bounce", "bounce": BOUNCED | {"bounceType": "Permanent"}}, SignalKind.BOUNCE, True),
    ("ses", SES | {"eventType": "Bounce", "bounce": BOUNCED | {"bounceType": "Transient"}}, SignalKind.BOUNCE, False),
    ("ses", SES | {"eventType": "Complaint", "complaint": {}}, SignalKind.COMPLAINT, False),
    ("ses", SES | {"eventType": "Open", "open": {"userAgent": "Mail"}}, SignalKind.OPEN, False),
    ("ses", SES | {"eventType": "Click", "click": {"link": "https://a.example"}}, SignalKind.CLICK, False),
    ("ses", SES | {"eventType": "Send"}, SignalKind.UNKNOWN, False),
    ("twilio", {"MessageSid": "x1", "MessageStatus": "delivered", "To": "a@b.example"}, SignalKind.DELIVERED, False),
    ("twilio", {"MessageSid": "x1", "MessageStatus": "failed", "ErrorCode": "30005", "To": "a@b.example"},
     SignalKind.BOUNCE, True),
    ("twilio", {"MessageSid": "x1", "MessageStatus": "undelivered", "ErrorCode": "30003", "To": "a@b.example"},
     SignalKind.BOUNCE, False),
    ("twilio", {"MessageSid": "x1", "MessageStatus": "sent", "To": "a@b.example"}, SignalKind.UNKNOWN, False),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "document", "expected", "is_hard"), CASES)
def test_an_event_becomes_our_word_for_it(kind: str, document: Any, expected: SignalKind, is_hard: bool) -> None:
    made, request = CHANNELS[kind](), MAKE[kind](document)
    made.verify(request)
    (signal,) = made.parse(request)
    assert (signal.kind, signal.is_hard) == (expected, is_hard)
    assert (signal.key, signal.provider_id, signal.recipient) == ("m1", "x1", "a@b.example")
    assert signal.event_id
    assert made.parse(request) == [signal]  # the same event has the same id, however often it comes
    assert bool(signal.url) == (expected == SignalKind.CLICK)


def test_a_gateway_s_own_words_are_read_as_its_account_says() -> None:
    settings = {
        "url": "https://sms.example/", "status_id_path": "report.id", "status_path": "report.state",
        "statuses": {"DELIVRD": "delivered", "REJECTD": "hard_bounce", "OPTOUT": "unsubscribe"},
    }  # fmt: skip
    made = channel("http_sms", settings, {"signing_secret": SECRET})
    found = {}
    for word in ("DELIVRD", "REJECTD", "OPTOUT", "ENROUTE"):
        request = svix({"report": {"id": 7, "state": word}}, "webhook")
        made.verify(request)
        (signal,) = made.parse(request)
        found[word] = (signal.kind.value, signal.is_hard, signal.provider_id)
    assert found == {
        "DELIVRD": ("delivered", False, "7"),
        "REJECTD": ("bounce", True, "7"),
        "OPTOUT": ("unsubscribe", False, "7"),
        "ENROUTE": ("unknown", False, "7"),
    }


def test_somebody_who_answers_stop_is_unsubscribed() -> None:
    made, request = (
        CHANNELS["twilio"](),
        twilio({"MessageSid": "x1", "OptOutType": "STOP", "From": "+491", "Body": "x"}),
    )
    made.verify(request)
    (signal,) = made.parse(request)
    assert (signal.kind, signal.recipient) == (SignalKind.UNSUBSCRIBE, "+491")


def test_what_somebody_writes_back_is_passed_on() -> None:
    made, fields = CHANNELS["twilio"](), {"MessageSid": "x1", "From": "+491", "Body": "Abmelden"}
    for more, words in (({}, "Abmelden"), ({"OptOutType": "START"}, "START")):
        (signal,) = made.parse(twilio(fields | more))
        assert (signal.kind, signal.recipient, signal.detail) == (SignalKind.REPLY, "+491", words)
    (signal,) = made.parse(twilio(fields | {"MessageStatus": "delivered"}))
    assert signal.kind == SignalKind.DELIVERED


REPLIES = {
    "url": "https://sms.example/", "reply_text_path": "message.text", "reply_sender_path": "message.from",
    "reply_id_path": "message.id",
}  # fmt: skip


def test_what_somebody_writes_back_by_a_gateway_stands_where_its_account_says() -> None:
    made, written = channel("http_sms", REPLIES, {"signing_secret": SECRET}), {"text": "STOP", "id": 7}
    for number, known in (("447700900123", "+447700900123"), ("+44 7700 900123", "+447700900123"),
                          ("00447700900123", "+447700900123"), (447700900123, "+447700900123"), ("60123", "60123"),
                          ("Shop", "Shop")):  # fmt: skip
        request = svix({"message": written | {"from": number}, "status": "received"}, "webhook")
        made.verify(request)
        (signal,) = made.parse(request)
        assert (signal.kind, signal.recipient, signal.detail) == (SignalKind.REPLY, known, "STOP")
        assert made.parse(request) == [signal]
    another = svix({"message": written | {"from": "60123", "id": 8}}, "webhook")
    assert made.parse(another)[0].event_id != signal.event_id
    report = svix({"message": written | {"from": "Shop"}, "id": "x1", "status": "delivered"}, "webhook")
    assert [each.kind for each in made.parse(report)] == [SignalKind.DELIVERED]  # which repeats what was sent
    with pytest.raises(Unreadable, match=r"in an answer, there is nothing at message\.from"):
        made.parse(svix({"message": written}, "webhook"))
    with pytest.raises(Forged):
        made.verify(WebhookRequest(request.body.replace(b"STOP", b"stop"), request.headers))


def test_an_answer_without_an_id_has_that_of_the_call_it_came_by() -> None:
    made = channel("http_sms", REPLIES | {"reply_id_path": ""}, {"signing_secret": SECRET})
    written: dict[str, set[str]] = {}
    for call in ("one", "two", "one"):
        request = svix({"message": {"text": "STOP", "from": "447700900123"}}, "webhook")
        told = made.parse(WebhookRequest(request.body, {**request.headers, "webhook-id": call}))
        written[call] = {*written.get(call, ()), told[0].event_id}
    assert [len(ids) for ids in written.values()] == [1, 1]
    assert written["one"] != written["two"]


def test_a_gateway_that_passes_no_answers_on_has_none() -> None:
    with pytest.raises(Unreadable):
        CHANNELS["http_sms"]().parse(svix({"message": {"text": "STOP", "from": "447700900123"}}, "webhook"))


GOOD = {kind: next(document for name, document, *_ in CASES if name == kind) for kind in CHANNELS if kind != "http_sms"}
GOOD["http_sms"] = {"id": "x1", "status": "delivered"}


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


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(
        ["event", "event-data", "data", "signature", "RecordType", "type", "bounce", "tags", "to", "Message", "mail",
         "destination", "eventType", "Metadata", "user-variables", "id", "status", "Type", "timestamp"]),
        inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


@pytest.mark.parametrize("kind", CHANNELS)
@given(document=JSON)
def test_whatever_comes_is_read_or_called_unreadable(kind: str, document: Any) -> None:
    body = json.dumps(document).encode()
    for request in (
        WebhookRequest(body, {}),
        WebhookRequest(json.dumps({"Type": "Notification", "Message": body.decode()}).encode(), {}),
    ):
        try:
            found = CHANNELS[kind]().parse(request)
        except Unreadable:
            continue
        assert all(isinstance(signal, Signal) for signal in found)
