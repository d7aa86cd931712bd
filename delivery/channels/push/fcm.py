"""Firebase Cloud Messaging, HTTP v1. A recipient is a device's registration token.

It knows no key, but a device shows what shares a collapse id once: what got no answer is sent once more.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import AfterValidator, Field

from delivery.channels import push
from delivery.channels.base import ChannelUnavailable, Envelope, Outbound, PushContent, Result
from delivery.channels.guarded import Answer, Client, Lost, NotAllowed, Request, Unsent
from delivery.channels.http import HttpChannel, document, said, text
from delivery.channels.kinds import Account, BaseUrl, Credentials, Kind, OptionalUrl, Settings
from delivery.channels.push import tokens

_SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LONGEST_COLLAPSE_ID = 64  # bytes, APNs' bound
_OF_THE_DEVICE = ("UNREGISTERED", "INVALID_ARGUMENT", "SENDER_ID_MISMATCH")


def _readable(value: str) -> str:
    ServiceAccount(value)
    return value


class ServiceAccount:
    """Google's JSON key file. Raises ValueError."""

    def __init__(self, file: str) -> None:
        try:
            told = json.loads(file)
            self.email, self.project = str(told["client_email"]), str(told["project_id"])
            self.token_url = str(told.get("token_uri") or "https://oauth2.googleapis.com/token")
            key: Any = serialization.load_pem_private_key(str(told["private_key"]).encode(), password=None)
        except (ValueError, KeyError, TypeError, AttributeError):
            key = None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError("paste the service account's JSON file as Google made it")
        self.key = key


class Fcm(Settings):
    base_url: BaseUrl = "https://fcm.googleapis.com"
    token_url: OptionalUrl = ""
    """Where access is asked for; blank: what the service account says."""


class KeyFile(Credentials):
    service_account: Annotated[str, Field(min_length=2, repr=False), AfterValidator(_readable)]
    """The whole JSON file of a Google service account that may send messages."""


class FcmChannel(HttpChannel):
    may_repeat = True
    key_window = 24 * 3600.0

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._service = ServiceAccount(account.credentials.service_account)
        self._access, self._good_until = "", 0.0
        self._turn = threading.Lock()

    def prepare(self, envelope: Envelope, message: Outbound) -> bytes:
        if not isinstance(message.content, PushContent):
            raise ValueError("this message is no notification: choose another channel for its step")
        return json.dumps({"message": _message(message, message.content)}, ensure_ascii=False).encode()

    def request(self, prepared: Sequence[bytes]) -> Request:
        url = f"{self.account.settings.base_url}/v1/projects/{self._service.project}/messages:send"
        headers = {"Authorization": f"Bearer {self._token()}", "Content-Type": "application/json"}
        return Request("POST", url, headers, prepared[0])

    def provider_id(self, answer: Answer) -> str:
        return text(text(document(answer)["name"]).rpartition("/")[2])

    def refusal(self, answer: Answer) -> Result:
        if any(f'"{code}"'.encode() in answer.body for code in _OF_THE_DEVICE):
            return Result.REJECTED
        if answer.status == 401:
            self._good_until = 0.0
        return super().refusal(answer)

    def is_gone(self, answer: Answer) -> bool:
        return b'"UNREGISTERED"' in answer.body

    def check(self) -> None:
        self._deadline = None
        self._good_until = 0.0
        self._token()

    def _token(self) -> str:
        """An access token, asked for again before it ends. Raises ChannelUnavailable."""
        with self._turn:
            if time.monotonic() > self._good_until:
                self._access, seconds = self._granted()
                self._good_until = time.monotonic() + seconds * 0.8
            return self._access

    def _granted(self) -> tuple[str, float]:
        now, service = int(time.time()), self._service
        url = self.account.settings.token_url or service.token_url
        claims = {"iss": service.email, "scope": _SCOPE, "aud": url, "iat": now, "exp": now + 3600}
        body = urlencode({"grant_type": _GRANT, "assertion": tokens.signed(claims, service.key)}).encode()
        client = Client(allow_private=self.account.allow_private)
        try:
            asked = Request("POST", url, {"Content-Type": "application/x-www-form-urlencoded"}, body)
            if (patience := self.patience()) <= 0:
                raise Unsent("the time allowed ran out")
            answer = client.send(asked, seconds=patience)
            if answer.status in (400, 401, 403):
                words = f"{self.provider}: Google refuses the service account ({said(answer)}): make another key."
                raise ChannelUnavailable(words, permanent=True)
            told = document(answer)
            return _token_text(told["access_token"]), float(told["expires_in"])
        except (NotAllowed, Unsent, Lost) as error:
            raise self.unreachable(error) from error
        except (ValueError, KeyError, TypeError) as error:
            raise ChannelUnavailable(f"{self.provider}: no access was granted: {said(answer)}") from error
        finally:
            client.close()


def _token_text(value: Any) -> str:
    """Raises ValueError."""
    if not isinstance(value, str) or not value.isprintable() or not value.isascii() or not value:
        raise ValueError("no token")
    return value


def _message(message: Outbound, content: PushContent) -> dict[str, Any]:
    collapse = (content.collapse_id or message.key)[:_LONGEST_COLLAPSE_ID]
    notification = {"title": content.title, "body": content.body, "image": content.image}
    data = {**{str(name): str(value) for name, value in content.data.items()}, "message": message.key}
    if content.link:
        data["link"] = content.link
    told: dict[str, Any] = {
        "token": message.recipient,
        "notification": {name: value for name, value in notification.items() if value},
        "data": data,
        "android": {"collapse_key": collapse, "notification": {"tag": collapse}},
        "apns": {"headers": {"apns-collapse-id": collapse}},
        "webpush": {"notification": {"tag": collapse}},
    }
    if content.link.startswith("https://"):
        told["webpush"]["fcm_options"] = {"link": content.link}
    return told


KIND = Kind("fcm", "Firebase Cloud Messaging", ("push",), Fcm, KeyFile, FcmChannel, takes=push.TOKEN)
