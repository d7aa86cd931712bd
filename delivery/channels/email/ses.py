"""Amazon SES, v2, with the whole message as it is to arrive. It knows no key: the message's id goes along as a tag.

Events come through SNS: a topic of the retailer's, whose messages Amazon signs.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from delivery.channels.base import ChannelUnavailable, Envelope, Outbound, Result
from delivery.channels.email import aws, headers
from delivery.channels.email.api import first
from delivery.channels.email.mime import Skeleton
from delivery.channels.guarded import Answer, Client, Lost, NotAllowed, Request, Unsent
from delivery.channels.http import HttpChannel, document, retry_after, said, text
from delivery.channels.kinds import Credentials, Kind, OptionalBaseUrl, Secret, Settings
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

_SIGNALS = {
    "Delivery": SignalKind.DELIVERED,
    "Bounce": SignalKind.BOUNCE,
    "Reject": SignalKind.BOUNCE,
    "Complaint": SignalKind.COMPLAINT,
    "Open": SignalKind.OPEN,
    "Click": SignalKind.CLICK,
    "Subscription": SignalKind.UNSUBSCRIBE,
}
_CERTIFICATE_SECONDS = 10.0
_OF_THE_ACCOUNT = (b"AccountSuspended", b"SendingPaused", b"MailFromDomainNotVerified", b"not verified")
_FOR_NOW = (b"Throttling", b"TooManyRequests", b"LimitExceeded", b"RequestExpired")


class Ses(Settings):
    region: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")
    """Such as eu-central-1."""
    configuration_set: str = Field("", pattern=r"^[A-Za-z0-9_-]{0,64}$")
    """Which publishes the events of these messages."""
    topic_arn: str = Field("", pattern=r"^(arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]+)?$")
    """The SNS topic that events come from: those of any other are refused."""
    base_url: OptionalBaseUrl = ""
    """Blank: Amazon's address of the region."""


class Keys(Credentials):
    access_key_id: Secret
    secret_access_key: Secret


class SesChannel(HttpChannel):
    _skeleton: tuple[Envelope, Skeleton] | None = None

    def prepare(self, envelope: Envelope, message: Outbound) -> bytes:
        if message.content is not None:
            raise ValueError("this message is no e-mail: choose another channel for its step")
        if self._skeleton is None or self._skeleton[0] is not envelope:
            self._skeleton = envelope, Skeleton(envelope, date=datetime.now(UTC), eight_bit=False)
        told: dict[str, Any] = {
            "FromEmailAddress": headers.address("From", envelope.sender or envelope.from_email),
            "Destination": {"ToAddresses": [headers.address("To", message.recipient)]},
            "Content": {"Raw": {"Data": base64.b64encode(self._skeleton[1].fill(message)).decode()}},
            "EmailTags": [{"Name": "bannerline", "Value": message.key}],
        }
        if self.account.settings.configuration_set:
            told["ConfigurationSetName"] = self.account.settings.configuration_set
        return json.dumps(told).encode()

    def request(self, prepared: Sequence[bytes]) -> Request:
        return self._signed("POST", "/v2/email/outbound-emails", prepared[0])

    def provider_id(self, answer: Answer) -> str:
        return text(document(answer)["MessageId"])

    def refusal(self, answer: Answer) -> Result:
        if answer.status == 400 and any(word in answer.body for word in _OF_THE_ACCOUNT):
            raise ChannelUnavailable(f"{self.provider} refuses the account: {said(answer)}", permanent=True)
        if answer.status == 400 and any(word in answer.body for word in _FOR_NOW):
            raise ChannelUnavailable(f"{self.provider} asks to wait: {said(answer)}", retry_after=retry_after(answer))
        return super().refusal(answer)

    def check_request(self) -> Request:
        return self._signed("GET", "/v2/email/account", b"")

    def verify(self, request: WebhookRequest) -> None:
        told = _object(request.json())
        if not self.account.settings.topic_arn:
            raise NoSignals("No SNS topic is set: enter its ARN.")
        if told.get("TopicArn") != self.account.settings.topic_arn:
            raise Forged("It comes from another topic.")
        aws.verify_notification(told, self.certificate)

    def parse(self, request: WebhookRequest) -> Sequence[Signal]:
        told = _object(request.json())
        if told.get("Type") != "Notification":
            url = str(told.get("SubscribeURL", ""))
            return [Signal(SignalKind.UNKNOWN, str(told.get("MessageId", "")), url=url, raw=str(told.get("Type", "")))]
        try:
            event = _object(json.loads(str(told.get("Message"))))
        except (ValueError, RecursionError):
            raise Unreadable("the notification holds no event of SES") from None
        return _signals(event, str(told.get("MessageId", "")))

    def confirm(self, request: WebhookRequest) -> None:
        told = _object(request.json())
        url = str(told.get("SubscribeURL", ""))
        if told.get("Type") != "SubscriptionConfirmation":
            return
        if not aws.is_of_sns(url):
            raise ChannelUnavailable("The address to confirm the subscription at is not Amazon's.", permanent=True)
        try:
            self.visit(url)
        except Forged as problem:
            raise ChannelUnavailable(str(problem)) from None

    def visit(self, url: str) -> None:
        """Raises Forged."""
        _fetched(url)

    def certificate(self, url: str) -> bytes:
        """Amazon's. Raises Forged, and ValueError for what is none."""
        return _CERTIFICATES.of(url)

    def _signed(self, method: str, path: str, body: bytes) -> Request:
        settings, keys = self.account.settings, self.account.credentials
        url = (settings.base_url or f"https://email.{settings.region}.amazonaws.com") + path
        signer = aws.Signer(settings.region, keys.access_key_id, keys.secret_access_key)
        return Request(method, url, signer.headers(method, url, body, at=datetime.now(UTC)), body)


def _fetched(url: str) -> bytes:
    client = Client(most_bytes=64 * 1024)
    try:
        return client.send(Request("GET", url), seconds=_CERTIFICATE_SECONDS).body
    except (NotAllowed, Unsent, Lost) as error:
        raise Forged(f"Amazon's answer cannot be fetched: {error}") from None
    finally:
        client.close()


_CERTIFICATES = aws.Certificates(_fetched)


def _signals(event: dict[str, Any], event_id: str) -> list[Signal]:
    """One for each person that an event is about."""
    raw = str(event.get("eventType") or event.get("notificationType") or "")
    mail, about = part(event, "mail"), part(event, raw[:1].lower() + raw[1:])
    tagged = part(mail, "tags").get("bannerline")
    people = _people(about) or [{"emailAddress": address} for address in mail.get("destination") or [""]]
    return [
        Signal(
            _SIGNALS.get(raw, SignalKind.UNKNOWN),
            digest(event_id, person.get("emailAddress", "")),
            at=instant(about.get("timestamp") or mail.get("timestamp")),
            key=first(tagged if isinstance(tagged, list) else None),
            provider_id=str(mail.get("messageId", "")),
            recipient=str(person.get("emailAddress", "")),
            is_hard=about.get("bounceType") == "Permanent",
            url=str(about.get("link", "")),
            detail=str(person.get("diagnosticCode") or about.get("reason") or "")[:300],
            user_agent=str(about.get("userAgent", ""))[:300],
            raw=f"{raw} {about.get('bounceType', '')}".strip(),
        )
        for person in people
    ]


def _people(about: dict[str, Any]) -> list[dict[str, Any]]:
    found = about.get("bouncedRecipients") or about.get("complainedRecipients") or about.get("recipients") or []
    if not isinstance(found, list):
        return []
    return [person if isinstance(person, dict) else {"emailAddress": person} for person in found]


def _object(told: Any) -> dict[str, Any]:
    if not isinstance(told, dict):
        raise Unreadable("there is no object")
    return told


KIND = Kind("ses", "Amazon SES", ("email",), Ses, Keys, SesChannel)
