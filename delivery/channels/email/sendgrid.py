"""SendGrid, v3. It knows no key: what got no answer is unknown, until an event with the message's id tells."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Sequence
from typing import Annotated, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import AfterValidator

from delivery.channels.email.api import EmailApi, Letter
from delivery.channels.guarded import Answer, Request
from delivery.channels.http import text
from delivery.channels.kinds import BaseUrl, Credentials, Kind, Secret, Settings
from delivery.channels.signals import (
    LONG,
    Forged,
    NoSignals,
    Signal,
    SignalKind,
    Unreadable,
    WebhookRequest,
    check_age,
    digest,
    instant,
)

_SIGNALS = {
    "delivered": SignalKind.DELIVERED,
    "bounce": SignalKind.BOUNCE,
    "dropped": SignalKind.BOUNCE,
    "spamreport": SignalKind.COMPLAINT,
    "open": SignalKind.OPEN,
    "click": SignalKind.CLICK,
    "unsubscribe": SignalKind.UNSUBSCRIBE,
    "group_unsubscribe": SignalKind.UNSUBSCRIBE,
}
_DROPPED_FOR_GOOD = ("Bounced Address", "Invalid", "Spam Reporting Address", "Unsubscribed Address")


def _readable(value: str) -> str:
    if value:
        public_key(value)
    return value


def public_key(value: str) -> ec.EllipticCurvePublicKey:
    """Raises ValueError."""
    key: Any = None
    with contextlib.suppress(ValueError):
        key = serialization.load_der_public_key(base64.b64decode(value, validate=True))
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("copy the verification key from SendGrid's page on signed event webhooks")
    return key


class SendGrid(Settings):
    verification_key: Annotated[str, AfterValidator(_readable)] = ""
    """Proves that events are SendGrid's: the public key of its signed event webhook."""
    base_url: BaseUrl = "https://api.sendgrid.com"
    """https://api.eu.sendgrid.com for accounts in the EU."""


class ApiKey(Credentials):
    api_key: Secret
    """With the permission to send mail."""


class SendGridChannel(EmailApi):
    def written(self, letter: Letter) -> bytes:
        parts = (("text/plain", letter.text), ("text/html", letter.html))
        document: dict[str, Any] = {
            "personalizations": [{"to": [{"email": letter.to}], "custom_args": {"bannerline": letter.key}}],
            "from": {"email": letter.from_email, **({"name": letter.from_name} if letter.from_name else {})},
            "subject": letter.subject,
            "content": [{"type": kind, "value": value} for kind, value in parts if value],
            "headers": letter.fields,
            "tracking_settings": {"click_tracking": {"enable": False}, "open_tracking": {"enable": False}},
        }
        if letter.attached:
            document["attachments"] = [
                {"content": file.base64, "type": file.mime, "filename": file.name, "disposition": "attachment"}
                for file in letter.attached
            ]
        if letter.reply_to:
            document["reply_to"] = {"email": letter.reply_to}
        return json.dumps(document, ensure_ascii=False).encode()

    def request(self, prepared: Sequence[bytes]) -> Request:
        headers = {**self._login(), "Content-Type": "application/json"}
        return Request("POST", f"{self.account.settings.base_url}/v3/mail/send", headers, prepared[0])

    def provider_id(self, answer: Answer) -> str:
        if answer.status != 202:
            raise ValueError("SendGrid accepts with 202")
        return text(answer.headers.get("x-message-id"))

    def check_request(self) -> Request:
        return Request("GET", f"{self.account.settings.base_url}/v3/scopes", self._login())

    def verify(self, request: WebhookRequest) -> None:
        settings, given = self.account.settings, request.headers
        if not settings.verification_key:
            raise NoSignals("No verification key is set: copy SendGrid's.")
        signed = given.get("x-twilio-email-event-webhook-timestamp", "").encode() + request.body
        try:
            signature = base64.b64decode(given.get("x-twilio-email-event-webhook-signature", ""), validate=True)
            public_key(settings.verification_key).verify(signature, signed, ec.ECDSA(hashes.SHA256()))
        except (ValueError, InvalidSignature):
            raise Forged("The signature does not fit.") from None
        check_age(given.get("x-twilio-email-event-webhook-timestamp", ""), LONG)

    def parse(self, request: WebhookRequest) -> Sequence[Signal]:
        events = request.json()
        if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
            raise Unreadable("SendGrid sends a list of events")
        return [_signal(event) for event in events]

    def _login(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.account.credentials.api_key}"}


def _signal(event: dict[str, Any]) -> Signal:
    raw, reason = str(event.get("event", "")), str(event.get("reason", ""))
    message_id = str(event.get("sg_message_id", ""))
    is_hard = event.get("type") == "bounce" if raw == "bounce" else reason.startswith(_DROPPED_FOR_GOOD)
    return Signal(
        _SIGNALS.get(raw, SignalKind.UNKNOWN),
        str(event.get("sg_event_id") or digest(raw, message_id, event.get("timestamp"), event.get("email"))),
        at=instant(event.get("timestamp")),
        key=str(event.get("bannerline", "")),
        provider_id=message_id.partition(".")[0],
        recipient=str(event.get("email", "")),
        is_hard=raw in ("bounce", "dropped") and is_hard,
        url=str(event.get("url", "")),
        detail=reason[:300],
        user_agent=str(event.get("useragent", ""))[:300],
        raw=raw,
    )


KIND = Kind("sendgrid", "SendGrid", ("email",), SendGrid, ApiKey, SendGridChannel)
