"""What providers post of messages, signed as each of them signs."""

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

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from delivery.channels import KINDS, standard_webhooks
from delivery.channels.kinds import Account
from delivery.channels.signals import SignalKind, WebhookRequest

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
GOOD = {kind: next(document for name, document, *_ in CASES if name == kind) for kind in CHANNELS if kind != "http_sms"}
GOOD["http_sms"] = {"id": "x1", "status": "delivered"}
