"""Outgoing webhooks: a customer's message as a JSON document to the retailer's own system, signed.

A document may come twice: the receiver knows a repetition by its `webhook-id`, the message's key.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from delivery.channels import standard_webhooks
from delivery.channels.base import ChannelUnavailable, Envelope, Outbound, Result, WebhookContent
from delivery.channels.guarded import Answer, Request
from delivery.channels.http import HttpChannel, said
from delivery.channels.kinds import Credentials, Kind, Settings, Url

_MOST_BYTES = 256 * 1024


def _signing_secret(value: str) -> str:
    standard_webhooks.secret_bytes(value)
    return value


SigningSecret = Annotated[str, Field(repr=False), AfterValidator(_signing_secret)]


class Endpoint(Settings):
    url: Url
    """Where documents are posted to."""


class Signing(Credentials):
    signing_secret: SigningSecret
    """16 to 64 bytes in base64, such as whsec_…; the receiver verifies with it."""


class WebhookChannel(HttpChannel):
    may_repeat = True
    key_window = 72 * 3600.0

    def prepare(self, envelope: Envelope, message: Outbound) -> tuple[str, bytes]:
        if not isinstance(message.content, WebhookContent):
            raise ValueError("this message is no webhook: choose another channel for its step")
        body = json.dumps(dict(message.content.body), ensure_ascii=False, allow_nan=False).encode()
        if len(body) > _MOST_BYTES:
            raise ValueError(f"the document is larger than {_MOST_BYTES // 1024} KB: shorten it")
        return message.key, body

    def request(self, prepared: Sequence[tuple[str, bytes]]) -> Request:
        key, body = prepared[0]
        secret = standard_webhooks.secret_bytes(self.account.credentials.signing_secret)
        signed = standard_webhooks.headers(secret, key, body, at=int(time.time()))
        return Request("POST", self.account.settings.url, {"Content-Type": "application/json", **signed}, body)

    def provider_id(self, answer: Answer) -> str:
        return ""

    def refusal(self, answer: Answer) -> Result:
        if answer.status == 410:
            raise ChannelUnavailable(f"The endpoint is gone ({said(answer)}): correct its URL.", permanent=True)
        return super().refusal(answer)

    def check(self) -> None:
        self.reach(self.account.settings.url)


KIND = Kind("webhook", "Webhook", ("webhook",), Endpoint, Signing, WebhookChannel)
