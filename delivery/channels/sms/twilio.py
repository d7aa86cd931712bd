"""Twilio. It knows no key: what got no answer is unknown, until its callback, which carries the message's id, tells."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import parse_qsl, quote, urlencode

from pydantic import Field, model_validator

from delivery.channels.base import ChannelUnavailable, Envelope, Outbound, Result, SmsContent
from delivery.channels.guarded import Answer, Request
from delivery.channels.http import HttpChannel, basic, document, said, text
from delivery.channels.kinds import BaseUrl, Credentials, Kind, OptionalUrl, Secret, Settings
from delivery.channels.signals import Forged, Signal, SignalKind, Unreadable, WebhookRequest, digest

_SIGNALS = {
    "delivered": SignalKind.DELIVERED,
    "read": SignalKind.OPEN,
    "undelivered": SignalKind.BOUNCE,
    "failed": SignalKind.BOUNCE,
}
# twilio.com/docs/api/errors: a sender that is missing, invalid or not the account's; a service without a number
_OF_THE_ACCOUNT = {21212, 21603, 21606, 21703, 21704, 21705}
_NEVER_REACHED = {"30005", "30006", "21211", "21214", "21614"}  # no such number, a landline, no number at all


class Twilio(Settings):
    account_sid: str = Field(pattern=r"^AC[0-9a-fA-F]{32}$")
    """Begins with AC."""
    sender: str = Field("", max_length=50)
    """A number such as +4915112345678, or an alphanumeric sender."""
    messaging_service_sid: str = Field("", pattern=r"^(MG[0-9a-fA-F]{32})?$")
    """Begins with MG; instead of a sender."""
    status_callback: OptionalUrl = ""
    """Where Twilio reports what became of a message."""
    base_url: BaseUrl = "https://api.twilio.com"

    @model_validator(mode="after")
    def _one_of_them(self) -> Twilio:
        if bool(self.sender) == bool(self.messaging_service_sid):
            raise ValueError("give a sender or a messaging service, one of the two")
        return self


class Token(Credentials):
    auth_token: Secret
    """Of the account; it also proves that a report is Twilio's."""


class TwilioChannel(HttpChannel):
    def prepare(self, envelope: Envelope, message: Outbound) -> dict[str, str]:
        if not isinstance(message.content, SmsContent):
            raise ValueError("this message is no SMS: choose another channel for its step")
        settings = self.account.settings
        fields = {"To": message.recipient, "Body": message.content.text}
        if settings.sender:
            fields["From"] = settings.sender
        else:
            fields["MessagingServiceSid"] = settings.messaging_service_sid
        if settings.status_callback:
            mark = "&" if "?" in settings.status_callback else "?"
            fields["StatusCallback"] = f"{settings.status_callback}{mark}message={quote(message.key)}"
        return fields

    def request(self, prepared: Sequence[dict[str, str]]) -> Request:
        headers = {**self._login(), "Content-Type": "application/x-www-form-urlencoded"}
        return Request("POST", f"{self._account_url()}/Messages.json", headers, urlencode(prepared[0]).encode())

    def provider_id(self, answer: Answer) -> str:
        return text(document(answer)["sid"])

    def refusal(self, answer: Answer) -> Result:
        with contextlib.suppress(ValueError):
            if answer.status == 400 and document(answer).get("code") in _OF_THE_ACCOUNT:
                raise ChannelUnavailable(f"{self.provider} refuses the sender: {said(answer)}", permanent=True)
        return super().refusal(answer)

    def check_request(self) -> Request:
        return Request("GET", f"{self._account_url()}.json", self._login())

    def verify(self, request: WebhookRequest) -> None:
        fields = sorted(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        signed = request.url + "".join(name + value for name, value in fields)
        mac = hmac.new(self.account.credentials.auth_token.encode(), signed.encode(), hashlib.sha1).digest()
        given = request.headers.get("x-twilio-signature", "")
        if not hmac.compare_digest(base64.b64encode(mac), given.encode("utf-8", "replace")):
            raise Forged("The signature does not fit.")

    def parse(self, request: WebhookRequest) -> Sequence[Signal]:
        fields = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        sid = fields.get("MessageSid") or fields.get("SmsSid", "")
        if not sid:
            raise Unreadable("there is no MessageSid")
        if fields.get("OptOutType") == "STOP":
            person = fields.get("From", "")
            return [Signal(SignalKind.UNSUBSCRIBE, digest(sid, "STOP"), recipient=person, raw="STOP")]
        if "Body" in fields and "MessageStatus" not in fields:
            words = fields.get("OptOutType") or fields["Body"]
            return [
                Signal(SignalKind.REPLY, digest(sid, "reply"), recipient=fields.get("From", ""), detail=words[:300])
            ]
        status, error = fields.get("MessageStatus", ""), fields.get("ErrorCode", "")
        query = dict(parse_qsl(request.url.partition("?")[2]))
        return [
            Signal(
                _SIGNALS.get(status, SignalKind.UNKNOWN),
                digest(sid, status),
                key=query.get("message", ""),
                provider_id=sid,
                recipient=fields.get("To", ""),
                is_hard=error in _NEVER_REACHED,
                detail=f"error {error}" if error else "",
                raw=status,
            )
        ]

    def _account_url(self) -> str:
        settings = self.account.settings
        return f"{settings.base_url}/2010-04-01/Accounts/{settings.account_sid}"

    def _login(self) -> dict[str, str]:
        return basic(self.account.settings.account_sid, self.account.credentials.auth_token)


KIND = Kind("twilio", "Twilio", ("sms",), Twilio, Token, TwilioChannel)
