"""Mailgun, v3. It knows no key: what got no answer is looked for among its events, which carry the message's id."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from pydantic import Field

from delivery.channels.asked import Asked
from delivery.channels.base import Attached, Outcome, Result, Sought
from delivery.channels.email.api import EmailApi, Letter
from delivery.channels.guarded import Answer, Request
from delivery.channels.http import basic, document, text
from delivery.channels.kinds import BaseUrl, Credentials, Kind, OptionalSecret, Secret, Settings
from delivery.channels.signals import (
    SHORT,
    Forged,
    NoSignals,
    Signal,
    SignalKind,
    Unreadable,
    WebhookRequest,
    check_age,
    digest,
    instant,
    part,
)

_SIGNALS = {
    "delivered": SignalKind.DELIVERED,
    "failed": SignalKind.BOUNCE,
    "rejected": SignalKind.BOUNCE,
    "complained": SignalKind.COMPLAINT,
    "opened": SignalKind.OPEN,
    "clicked": SignalKind.CLICK,
    "unsubscribed": SignalKind.UNSUBSCRIBE,
}

_TAKEN = {"accepted", "delivered", "failed", "complained", "opened", "clicked", "unsubscribed"}
_SLACK = 60  # seconds that clocks may differ


class Mailgun(Settings):
    domain: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{1,251}$")
    """The sending domain, as Mailgun has it."""
    base_url: BaseUrl = "https://api.mailgun.net"
    """https://api.eu.mailgun.net for domains in the EU."""


class Keys(Credentials):
    api_key: Secret
    """A sending key of the domain; one that may also read lets events be looked up."""
    signing_key: OptionalSecret = ""
    """The HTTP webhook signing key: proves that events are Mailgun's."""


class MailgunChannel(Asked, EmailApi):
    def written(self, letter: Letter) -> tuple[str, bytes]:
        """The form, and the media type that it is sent as."""
        fields = {
            "from": letter.mailbox,
            "to": letter.to,
            "subject": letter.subject,
            "text": letter.text,
            "html": letter.html,
            "h:Reply-To": letter.reply_to,
            "v:bannerline": letter.key,
            "o:tracking": "no",
            **{f"h:{name}": value for name, value in letter.fields.items()},
        }
        said = {name: value for name, value in fields.items() if value}
        if letter.attached:
            return _form(said, letter.attached)
        return "application/x-www-form-urlencoded", urlencode(said).encode()

    def request(self, prepared: Sequence[tuple[str, bytes]]) -> Request:
        settings = self.account.settings
        media_type, body = prepared[0]
        headers = {**self._login(), "Content-Type": media_type}
        return Request("POST", f"{settings.base_url}/v3/{settings.domain}/messages", headers, body)

    def provider_id(self, answer: Answer) -> str:
        return text(document(answer)["id"]).strip("<>")

    def check_request(self) -> Request:
        settings = self.account.settings
        return Request("GET", f"{settings.base_url}/v3/domains/{settings.domain}", self._login())

    def question(self, sought: Sought) -> Request:
        """Events of the recipient since: Mailgun does not filter by our variable."""
        settings, begin = self.account.settings, int(sought.since.timestamp()) - _SLACK
        query = {"begin": str(begin), "ascending": "yes", "limit": "300", "recipient": sought.recipient}
        address = f"{settings.base_url}/v3/{settings.domain}/events?{urlencode(query)}"
        return Request("GET", address, self._login())

    def told(self, answer: Answer, sought: Sought) -> Outcome | None:
        ours = [
            event
            for event in document(answer)["items"]
            if isinstance(event, dict) and part(event, "user-variables").get("bannerline") == sought.key
        ]
        taken = [event for event in ours if event.get("event") in _TAKEN]
        if taken:
            message_id = text(_headers(taken[0])["message-id"]).strip("<>")
            return Outcome(sought.key, Result.ACCEPTED, "found among Mailgun's events", message_id)
        if any(event.get("event") == "rejected" for event in ours):
            return Outcome(sought.key, Result.REJECTED, "Mailgun's events say that it was rejected")
        return None

    def verify(self, request: WebhookRequest) -> None:
        signing_key = self.account.credentials.signing_key
        if not signing_key:
            raise NoSignals("No signing key is set: copy Mailgun's.")
        signature = part(request.json(), "signature")
        signed = f"{signature.get('timestamp', '')}{signature.get('token', '')}".encode()
        mac = hmac.new(signing_key.encode(), signed, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(mac.encode(), str(signature.get("signature", "")).encode("utf-8", "replace")):
            raise Forged("The signature does not fit.")
        check_age(signature.get("timestamp"), SHORT)

    def parse(self, request: WebhookRequest) -> Sequence[Signal]:
        event = _given(request.json(), "event-data")
        raw = str(event.get("event", ""))
        status, message_id = part(event, "delivery-status"), str(_headers(event).get("message-id", ""))
        return [
            Signal(
                _SIGNALS.get(raw, SignalKind.UNKNOWN),
                str(event.get("id") or digest(raw, message_id, event.get("timestamp"), event.get("recipient"))),
                at=instant(event.get("timestamp")),
                key=str(part(event, "user-variables").get("bannerline", "")),
                provider_id=message_id.strip("<>"),
                recipient=str(event.get("recipient", "")),
                is_hard=raw == "failed" and event.get("severity") == "permanent",
                url=str(event.get("url", "")),
                detail=str(status.get("message") or status.get("description") or event.get("reason") or "")[:300],
                user_agent=str(part(event, "client-info").get("user-agent", ""))[:300],
                raw=raw,
            )
        ]

    def _login(self) -> dict[str, str]:
        return basic("api", self.account.credentials.api_key)


def _form(fields: Mapping[str, str], attached: Sequence[Attached]) -> tuple[str, bytes]:
    """A form with files (RFC 7578). The names of fields and files are safe in a header by now."""
    boundary = secrets.token_hex(24)
    opening = f"--{boundary}\r\nContent-Disposition: form-data; name="
    parts = [f'{opening}"{name}"\r\n\r\n{value}\r\n'.encode("utf-8", "replace") for name, value in fields.items()]
    for file in attached:
        told = f'{opening}"attachment"; filename="{file.name}"\r\nContent-Type: {file.mime}\r\n\r\n'
        parts += [told.encode(), file.content, b"\r\n"]
    return f"multipart/form-data; boundary={boundary}", b"".join([*parts, f"--{boundary}--\r\n".encode()])


def _given(told: Any, name: str) -> dict[str, Any]:
    found = part(told, name)
    if not found:
        raise Unreadable(f"there is no {name}")
    return found


def _headers(event: dict[str, Any]) -> dict[str, Any]:
    return part(part(event, "message"), "headers")


KIND = Kind("mailgun", "Mailgun", ("email",), Mailgun, Keys, MailgunChannel)
