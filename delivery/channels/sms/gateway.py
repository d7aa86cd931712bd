"""Any SMS gateway that takes JSON over HTTP: the retailer says how its document looks and where its id stands."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, urlsplit

from pydantic import Field, JsonValue, field_validator

from delivery.channels import standard_webhooks
from delivery.channels.base import Envelope, Outbound, SmsContent
from delivery.channels.guarded import Answer, Request
from delivery.channels.http import HttpChannel
from delivery.channels.kinds import Account, Credentials, Kind, OptionalSecret, Settings, Url
from delivery.channels.signals import Signal, SignalKind, Unreadable, WebhookRequest, digest

_PLACE = re.compile(r"\{(recipient|text|key|sender|token)\}")
_TOKEN = "{token}"
_SHORT_CODE = 6  # digits at most
_SECRET_NAME = re.compile(r"(?i)authori[sz]ation|api.?key|token|secret|passw|pwd|cookie|credential")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
_PATH = r"^([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){0,9})?$"
_RESERVED = {"host", "content-length", "content-type", "transfer-encoding", "connection"}
_LEADS = ("url", "body", "headers", "token_header")  # wherever the token may stand
_BODY: dict[str, JsonValue] = {"to": "{recipient}", "text": "{text}", "reference": "{key}"}


class Gateway(Settings):
    url: Url
    """Where messages are posted to; {token} in its path or query stands for the token."""
    body: dict[str, JsonValue] = Field(_BODY, min_length=1)
    """The document, with {recipient}, {text}, {key}, {sender} and {token} where they belong."""
    sender: str = Field("", max_length=50)
    """What {sender} stands for."""
    headers: dict[str, str] = Field({}, max_length=20)
    """More header fields, such as an API version; {token} stands for the token."""
    token_header: str = "Authorization"
    """The header field that the token goes into, unless {token} stands somewhere."""
    token_prefix: str = "Bearer"
    """What stands before the token."""
    id_path: str = Field("id", pattern=_PATH)
    """Where the answer has the message's id, such as messages.0.id; blank where it has none."""
    key_header: str = ""
    """The header field for a key by which the gateway knows a repetition; blank where it knows none."""
    key_seconds: int = Field(0, ge=0, le=7 * 24 * 3600)
    """For so long it knows the key."""
    status_id_path: str = Field("id", pattern=_PATH)
    """Where a delivery report has that id."""
    status_path: str = Field("status", pattern=_PATH)
    """Where a delivery report has the status."""
    statuses: dict[str, Literal["delivered", "hard_bounce", "soft_bounce", "unsubscribe"]] = {
        "delivered": "delivered",
        "undelivered": "soft_bounce",
        "failed": "hard_bounce",
    }
    """What the gateway's words mean."""
    reply_text_path: str = Field("", pattern=_PATH)
    """Where what somebody wrote back stands, such as message.text; blank where the gateway passes no answers on."""
    reply_sender_path: str = Field("from", pattern=_PATH)
    """Where their number stands, in international form."""
    reply_id_path: str = Field("", pattern=_PATH)
    """Where the answer's own id stands; blank where it has none."""

    @field_validator("url")
    @classmethod
    def _hides_its_token(cls, given: str) -> str:
        parts = urlsplit(given)
        if _TOKEN in parts.netloc:
            raise ValueError("{token} belongs into the path or the query")
        _check_nothing_secret(dict(parse_qsl(parts.query)))
        return given

    @field_validator("headers")
    @classmethod
    def _free_headers(cls, given: dict[str, str]) -> dict[str, str]:
        for name, value in given.items():
            if not _HEADER.fullmatch(name) or name.lower() in _RESERVED:
                raise ValueError(f"{name!r} cannot be set here: choose another header")
            if not value.isascii() or not value.isprintable():
                raise ValueError(f"the value of {name} must be printable ASCII")
        _check_nothing_secret(dict(given))
        return given

    @field_validator("token_header", "key_header")
    @classmethod
    def _header(cls, given: str) -> str:
        if given and (not _HEADER.fullmatch(given) or given.lower() in _RESERVED):
            raise ValueError("write the name of a header field")
        return given

    @field_validator("body")
    @classmethod
    def _says_everything(cls, given: dict[str, JsonValue]) -> dict[str, JsonValue]:
        written = json.dumps(given)
        if len(written) > 10_000 or "{recipient}" not in written or "{text}" not in written:
            raise ValueError("put {recipient} and {text} where the gateway wants them, in at most 10,000 characters")
        _check_nothing_secret(dict(given))
        return given

    @property
    def places_token(self) -> bool:
        return _TOKEN in json.dumps([self.url, self.body, self.headers])


class Token(Credentials):
    token: OptionalSecret = ""
    """Goes into its header field, or wherever {token} stands; blank where the gateway asks for none."""
    signing_secret: OptionalSecret = ""
    """Proves that delivery reports and answers are the gateway's: Standard Webhooks, base64."""


class GatewayChannel(HttpChannel):
    def __init__(self, account: Account) -> None:
        super().__init__(account)
        if account.settings.key_header:
            self.key_window = float(account.settings.key_seconds)
        if account.settings.places_token and not account.credentials.token:
            raise ValueError("credentials.token: give what {token} stands for")

    def prepare(self, envelope: Envelope, message: Outbound) -> tuple[str, bytes]:
        if not isinstance(message.content, SmsContent):
            raise ValueError("this message is no SMS: choose another channel for its step")
        values = {
            "recipient": message.recipient,
            "text": message.content.text,
            "key": message.key,
            "sender": self.account.settings.sender,
            "token": self.account.credentials.token,
        }
        return message.key, json.dumps(_filled(self.account.settings.body, values), ensure_ascii=False).encode()

    def request(self, prepared: Sequence[tuple[str, bytes]]) -> Request:
        key, body = prepared[0]
        settings, token = self.account.settings, self.account.credentials.token
        headers = {name: value.replace(_TOKEN, token) for name, value in settings.headers.items()}
        headers["Content-Type"] = "application/json"
        if token and not settings.places_token:
            headers[settings.token_header] = f"{settings.token_prefix} {token}".lstrip()
        if settings.key_header:
            headers[settings.key_header] = key
        return Request("POST", settings.url.replace(_TOKEN, quote(token, safe="")), headers, body)

    def provider_id(self, answer: Answer) -> str:
        told, path = json.loads(answer.body), self.account.settings.id_path  # a page of HTML is no acceptance
        return _at(told, path)[:200] if path else ""

    def check(self) -> None:
        self.reach(self.account.settings.url)

    def verify(self, request: WebhookRequest) -> None:
        standard_webhooks.verify(self.account.credentials.signing_secret, request.headers, request.body)

    def parse(self, request: WebhookRequest) -> Sequence[Signal]:
        settings, told = self.account.settings, request.json()
        if self._is_reply(told):
            return [self._reply(told, request.headers.get("webhook-id", ""))]
        try:
            provider_id, raw = _at(told, settings.status_id_path), _at(told, settings.status_path)
        except ValueError as error:
            raise Unreadable(str(error)) from None
        meaning = settings.statuses.get(raw, "unknown")
        kind = SignalKind.BOUNCE if meaning.endswith("bounce") else SignalKind(meaning)
        is_hard = meaning == "hard_bounce"
        event_id = digest(provider_id, raw)
        return [Signal(kind, event_id, provider_id=provider_id, is_hard=is_hard, raw=raw[:100])]

    def _is_reply(self, told: Any) -> bool:
        """A document with a text in it. Reports may repeat what was sent, and say how it fared in a word we know."""
        settings = self.account.settings
        word = _found(told, settings.status_path)
        return bool(_found(told, settings.reply_text_path)) and word not in settings.statuses

    def _reply(self, told: Any, call_id: str) -> Signal:
        """`call_id` is that of the gateway's call, which is the same when it calls again. Raises Unreadable."""
        settings = self.account.settings
        try:
            text, sender = _at(told, settings.reply_text_path), _at(told, settings.reply_sender_path)
            own_id = _at(told, settings.reply_id_path) if settings.reply_id_path else call_id
        except ValueError as error:
            raise Unreadable(f"in an answer, {error}") from None
        return Signal(SignalKind.REPLY, digest(own_id, "reply"), recipient=_international(sender), detail=text[:300])


def _check_nothing_secret(part: JsonValue, name: str = "") -> None:
    """What anybody may see holds no key. Raises ValueError."""
    if isinstance(part, dict):
        for inner, value in part.items():
            _check_nothing_secret(value, inner)
    elif isinstance(part, list):
        for value in part:
            _check_nothing_secret(value, name)
    elif isinstance(part, str) and part and _SECRET_NAME.search(name) and not _PLACE.search(part):
        raise ValueError(
            f"{name} looks like a secret, which anybody could read here: write {{token}}, and the token "
            "under credentials"
        )


def _filled(part: JsonValue, values: Mapping[str, str]) -> JsonValue:
    """Values go into finished JSON, so that none can change its shape."""
    if isinstance(part, str):
        return _PLACE.sub(lambda place: values[place[1]], part)
    if isinstance(part, dict):
        return {name: _filled(value, values) for name, value in part.items()}
    if isinstance(part, list):
        return [_filled(value, values) for value in part]
    return part


def _found(told: Any, path: str) -> str:
    """What stands there; empty where nothing does, and for no path."""
    try:
        return _at(told, path) if path else ""
    except ValueError:
        return ""


def _international(number: str) -> str:
    """`+447700900123` for `447700900123`, `00447700900123` and `+44 7700 900123`; a short code stays as it is."""
    digits = re.sub(r"[\s().-]", "", number).removeprefix("+").removeprefix("00")
    return f"+{digits}" if digits.isascii() and digits.isdecimal() and len(digits) > _SHORT_CODE else number


def _at(found: Any, path: str) -> str:
    """Raises ValueError."""
    for step in path.split("."):
        try:
            found = found[int(step)] if isinstance(found, list) else found[step]
        except (LookupError, TypeError, ValueError):
            raise ValueError(f"there is nothing at {path}") from None
    if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
        raise ValueError(f"what stands at {path} is no text")
    return str(found)


KIND = Kind("http_sms", "SMS gateway (HTTP)", ("sms",), Gateway, Token, GatewayChannel, leads=_LEADS)
