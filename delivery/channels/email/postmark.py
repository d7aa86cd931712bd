"""Postmark: up to 50 messages in one request, an answer for each. It knows no key, and is asked about its messages."""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from pydantic import Field

from delivery.channels.asked import Asked
from delivery.channels.base import ChannelUnavailable, Envelope, Outbound, Outcome, Result, Sought
from delivery.channels.email.api import EmailApi, Letter
from delivery.channels.guarded import Answer, Request
from delivery.channels.http import basic, document, text
from delivery.channels.kinds import BaseUrl, Credentials, Kind, OptionalSecret, Secret, Settings
from delivery.channels.signals import (
    Forged,
    NoSignals,
    Signal,
    SignalKind,
    Unreadable,
    WebhookRequest,
    digest,
    instant,
    part,
)

# postmarkapp.com/developer/api/overview, "Error codes"
_OF_THE_ACCOUNT = {10, 400, 401, 402, 405, 412, 413}
_FOR_NOW = {100, 429, 503}
_MOST_MESSAGES = 50  # in one request
_MOST_BYTES = 40 * 1024 * 1024  # of one, of Postmark's 50 MB
_BESIDE = 256 * 1024  # bytes of a message beside its files
_SIGNALS = {
    "Delivery": SignalKind.DELIVERED,
    "Bounce": SignalKind.BOUNCE,
    "SpamComplaint": SignalKind.COMPLAINT,
    "Open": SignalKind.OPEN,
    "Click": SignalKind.CLICK,
}
_HARD = {"HardBounce", "BadEmailAddress", "ManuallyDeactivated", "Unsubscribe"}
_AT = ("DeliveredAt", "BouncedAt", "ReceivedAt", "ChangedAt")


class Postmark(Settings):
    message_stream: str = Field("broadcast", min_length=1, max_length=50)
    """The stream for campaigns; Postmark keeps them apart from transactional mail."""
    base_url: BaseUrl = "https://api.postmarkapp.com"


class Tokens(Credentials):
    server_token: Secret
    """Of the server, under its API tokens."""
    webhook_password: OptionalSecret = ""
    """Proves that events are Postmark's: give it in the webhook's basic authentication, as user bannerline."""


class PostmarkChannel(Asked, EmailApi):
    per_request = _MOST_MESSAGES
    at_once = 2

    def send(self, envelope: Envelope, batch: Sequence[Outbound], *, seconds: float) -> Sequence[Outcome]:
        along = sum(len(file.base64) for file in envelope.attached)
        self.per_request = max(min(_MOST_MESSAGES, _MOST_BYTES // (along + _BESIDE)), 1) if along else _MOST_MESSAGES
        return super().send(envelope, batch, seconds=seconds)

    def written(self, letter: Letter) -> dict[str, Any]:
        document: dict[str, Any] = {
            "From": letter.mailbox,
            "To": letter.to,
            "Subject": letter.subject,
            "TextBody": letter.text,
            "HtmlBody": letter.html,
            "ReplyTo": letter.reply_to,
            "Headers": [{"Name": name, "Value": value} for name, value in letter.fields.items()],
            "Metadata": {"bannerline": letter.key},
            "MessageStream": self.account.settings.message_stream,
            "Attachments": [
                {"Name": file.name, "Content": file.base64, "ContentType": file.mime} for file in letter.attached
            ],
        }
        told = {name: value for name, value in document.items() if value}
        return {**told, "TrackOpens": False, "TrackLinks": "None"}

    def request(self, prepared: Sequence[dict[str, Any]]) -> Request:
        body = json.dumps(list(prepared), ensure_ascii=False).encode()
        headers = {**self._login(), "Content-Type": "application/json"}
        return Request("POST", f"{self.account.settings.base_url}/email/batch", headers, body)

    def accepted(self, answer: Answer, messages: Sequence[Outbound]) -> list[Outcome]:
        try:
            told = json.loads(answer.body) if answer.is_whole else None
        except ValueError:
            told = None
        if not isinstance(told, list) or len(told) != len(messages):
            return super().accepted(answer, messages)
        return [self._outcome(message, each) for message, each in zip(messages, told, strict=True)]

    def provider_id(self, answer: Answer) -> str:
        raise ValueError("not an answer for each message")

    def check_request(self) -> Request:
        return Request("GET", f"{self.account.settings.base_url}/server", self._login())

    def question(self, sought: Sought) -> Request:
        """By our metadata: postmarkapp.com/developer/api/messages-api, "Outbound message search"."""
        stream = self.account.settings.message_stream
        query = {"count": "1", "offset": "0", "metadata_bannerline": sought.key, "messagestream": stream}
        address = f"{self.account.settings.base_url}/messages/outbound?{urlencode(query)}"
        return Request("GET", address, self._login())

    def told(self, answer: Answer, sought: Sought) -> Outcome | None:
        found = [
            each for each in document(answer)["Messages"] if part(each, "Metadata").get("bannerline") == sought.key
        ]
        if not found:
            return None
        return Outcome(sought.key, Result.ACCEPTED, "found among Postmark's messages", text(found[0]["MessageID"]))

    def refusal(self, answer: Answer) -> Result:
        if answer.status == 422:  # of a batch as a whole: about the request, not about one message
            return Result.DEFERRED
        return super().refusal(answer)

    def verify(self, request: WebhookRequest) -> None:
        password = self.account.credentials.webhook_password
        if not password:
            raise NoSignals("No webhook password is set: choose one, and give it to Postmark too.")
        wanted = basic("bannerline", password)["Authorization"].encode()
        if not hmac.compare_digest(wanted, request.headers.get("authorization", "").encode("utf-8", "replace")):
            raise Forged("The password does not fit.")

    def parse(self, request: WebhookRequest) -> Sequence[Signal]:
        event = request.json()
        if not isinstance(event, dict) or "RecordType" not in event:
            raise Unreadable("there is no RecordType")
        return [_signal(event)]

    def _outcome(self, message: Outbound, told: Any) -> Outcome:
        code = told.get("ErrorCode") if isinstance(told, dict) else None
        said = f"{code} {told.get('Message', '')}"[:200] if isinstance(told, dict) else "no answer for it"
        if code == 0:
            try:
                return Outcome(message.key, Result.ACCEPTED, provider_id=text(told.get("MessageID")))
            except ValueError:
                return Outcome(message.key, Result.UNKNOWN, "accepted without an id")
        if not isinstance(code, int):
            return Outcome(message.key, Result.UNKNOWN, said)
        if code in _FOR_NOW:
            return Outcome(message.key, Result.DEFERRED, said)
        if code in _OF_THE_ACCOUNT:
            return Outcome(message.key, Result.UNSENT, said)
        return Outcome(message.key, Result.REJECTED, said)

    def classify(self, answer: Answer, messages: Sequence[Outbound]) -> list[Outcome]:
        outcomes = super().classify(answer, messages)
        if all(outcome.result == Result.UNSENT for outcome in outcomes):
            raise ChannelUnavailable(f"{self.provider} refuses the account: {outcomes[0].detail}", permanent=True)
        return outcomes

    def _login(self) -> dict[str, str]:
        return {"X-Postmark-Server-Token": self.account.credentials.server_token, "Accept": "application/json"}


def _signal(event: dict[str, Any]) -> Signal:
    raw, at = str(event["RecordType"]), next((event[name] for name in _AT if event.get(name)), None)
    kind = _SIGNALS.get(raw, SignalKind.UNKNOWN)
    if raw == "SubscriptionChange" and event.get("SuppressSending") is True:
        kind = SignalKind.UNSUBSCRIBE
    message_id, type_ = str(event.get("MessageID", "")), str(event.get("Type", ""))
    return Signal(
        kind,
        digest(raw, message_id, event.get("ID", ""), at, event.get("OriginalLink", "")),
        at=instant(at),
        key=str(part(event, "Metadata").get("bannerline", "")),
        provider_id=message_id,
        recipient=str(event.get("Recipient") or event.get("Email") or ""),
        is_hard=raw == "Bounce" and type_ in _HARD,
        url=str(event.get("OriginalLink", "")),
        detail=str(event.get("Description") or event.get("Details") or "")[:300],
        user_agent=str(event.get("UserAgent", ""))[:300],
        raw=f"{raw} {type_}".strip(),
    )


KIND = Kind("postmark", "Postmark", ("email",), Postmark, Tokens, PostmarkChannel)
