"""Resend. It knows messages by their key for a day: what got no answer is asked for once more."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from delivery.channels import standard_webhooks
from delivery.channels.base import ChannelUnavailable, Result
from delivery.channels.email.api import EmailApi, Letter, first
from delivery.channels.guarded import Answer, Request
from delivery.channels.http import document, text
from delivery.channels.kinds import BaseUrl, Credentials, Kind, OptionalSecret, Secret, Settings
from delivery.channels.signals import Signal, SignalKind, Unreadable, WebhookRequest, digest, instant, part

_SIGNALS = {
    "email.delivered": SignalKind.DELIVERED,
    "email.bounced": SignalKind.BOUNCE,
    "email.failed": SignalKind.BOUNCE,
    "email.complained": SignalKind.COMPLAINT,
    "email.opened": SignalKind.OPEN,
    "email.clicked": SignalKind.CLICK,
}


class Resend(Settings):
    base_url: BaseUrl = "https://api.resend.com"


class Keys(Credentials):
    api_key: Secret
    """With the permission to send."""
    signing_secret: OptionalSecret = ""
    """Of the webhook, whsec_…: proves that events are Resend's."""


class ResendChannel(EmailApi):
    key_window = 24 * 3600.0

    def written(self, letter: Letter) -> tuple[str, bytes]:
        told: dict[str, Any] = {
            "from": letter.mailbox,
            "to": [letter.to],
            "subject": letter.subject,
            "html": letter.html,
            "text": letter.text,
            "reply_to": letter.reply_to,
            "headers": letter.fields,
            "tags": [{"name": "bannerline", "value": letter.key}],
            "attachments": [
                {"filename": file.name, "content": file.base64, "content_type": file.mime} for file in letter.attached
            ],
        }
        return letter.key, json.dumps({name: value for name, value in told.items() if value}).encode()

    def request(self, prepared: Sequence[tuple[str, bytes]]) -> Request:
        key, body = prepared[0]
        headers = {**self._login(), "Content-Type": "application/json", "Idempotency-Key": key}
        return Request("POST", f"{self.account.settings.base_url}/emails", headers, body)

    def provider_id(self, answer: Answer) -> str:
        return text(document(answer)["id"])

    def refusal(self, answer: Answer) -> Result:
        """409: the same key is on its way, or went with another text; that one counts, and is not known here."""
        return Result.UNKNOWN if answer.status == 409 else super().refusal(answer)

    def check_request(self) -> Request:
        return Request("GET", f"{self.account.settings.base_url}/domains", self._login())

    def check(self) -> None:
        try:
            super().check()
        except ChannelUnavailable as refusal:
            if "restricted_api_key" not in str(refusal):  # a key that may only send is a good one
                raise

    def verify(self, request: WebhookRequest) -> None:
        secret = self.account.credentials.signing_secret
        standard_webhooks.verify(secret, request.headers, request.body, prefix="svix")

    def parse(self, request: WebhookRequest) -> Sequence[Signal]:
        event = request.json()
        data = part(event, "data")
        if not data:
            raise Unreadable("there is no data")
        raw, email_id = str(event.get("type", "")), str(data.get("email_id", ""))
        bounce, click = part(data, "bounce"), part(data, "click")
        return [
            Signal(
                _SIGNALS.get(raw, SignalKind.UNKNOWN),
                request.headers.get("svix-id") or digest(raw, email_id, event.get("created_at")),
                at=instant(event.get("created_at")),
                key=_tag(data.get("tags")),
                provider_id=email_id,
                recipient=first(data.get("to") if isinstance(data.get("to"), list) else None),
                is_hard=bounce.get("type") == "Permanent",
                url=str(click.get("link", "")),
                detail=str(bounce.get("message", ""))[:300],
                user_agent=str(click.get("userAgent", ""))[:300],
                raw=raw,
            )
        ]

    def _login(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.account.credentials.api_key}"}


def _tag(tags: Any) -> str:
    """Resend has sent tags both as an object and as a list of names and values."""
    if isinstance(tags, dict):
        return str(tags.get("bannerline", ""))
    if isinstance(tags, list):
        found = (tag.get("value", "") for tag in tags if isinstance(tag, dict) and tag.get("name") == "bannerline")
        return str(next(found, ""))
    return ""


KIND = Kind("resend", "Resend", ("email",), Resend, Keys, ResendChannel)
