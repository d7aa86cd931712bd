"""How each provider speaks: the messages in a call, its answer to them, and what it says of those it took."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

GOOD, SIGNING = "good-key", base64.b64encode(b"sixteen bytes and more").decode()


class Denied(Exception):
    """The credentials are wrong."""


@dataclass
class Call:
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode(), keep_blank_values=True).items()}

    def need(self, name: str, value: str) -> None:
        if self.headers.get(name) != value:
            raise Denied


@dataclass
class Reply:
    status: int
    document: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Dialect:
    """How one provider speaks. `keys` reads a call, `accepted` and `refused` answer it."""

    keys: Callable[[Call], list[str]]
    accepted: Callable[[list[str]], Reply]
    refused: Reply
    is_keyed: bool = False  # takes one key once


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def sendgrid(call: Call) -> list[str]:
    call.need("authorization", f"Bearer {GOOD}")
    told = call.json()
    assert {part["type"] for part in told["content"]} == {"text/plain", "text/html"}
    return [told["personalizations"][0]["custom_args"]["bannerline"]]


def mailgun(call: Call) -> list[str]:
    call.need("authorization", basic("api", GOOD))
    told = call.form()
    assert told["h:X-Bannerline-Message"] == told["v:bannerline"]
    return [told["v:bannerline"]]


def postmark(call: Call) -> list[str]:
    call.need("x-postmark-server-token", GOOD)
    return [message["Metadata"]["bannerline"] for message in call.json()]


def resend(call: Call) -> list[str]:
    call.need("authorization", f"Bearer {GOOD}")
    assert call.json()["tags"][0]["value"] == call.headers["idempotency-key"]
    return [call.headers["idempotency-key"]]


def ses(call: Call) -> list[str]:
    stamp, given = call.headers["x-amz-date"], call.headers["authorization"]
    canonical = "\n".join(
        ["POST", call.path, "", f"content-type:{call.headers['content-type']}", f"host:{call.headers['host']}",
         f"x-amz-date:{stamp}", "", "content-type;host;x-amz-date", hashlib.sha256(call.body).hexdigest()]
    )  # fmt: skip
    scope = f"{stamp[:8]}/eu-central-1/ses/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{GOOD}".encode()
    for step in (stamp[:8], "eu-central-1", "ses", "aws4_request", to_sign):
        key = hmac.new(key, step.encode(), hashlib.sha256).digest()
    if not given.endswith(f"Signature={key.hex()}"):
        raise Denied
    told = call.json()
    mail = base64.b64decode(told["Content"]["Raw"]["Data"]).decode()
    assert f"X-Bannerline-Message: {told['EmailTags'][0]['Value']}\r\n" in mail
    return [told["EmailTags"][0]["Value"]]


def twilio(call: Call) -> list[str]:
    call.need("authorization", basic("AC" + "0" * 32, GOOD))
    told = call.form()
    assert told["Body"]
    assert told["From"] == "+4915112345678"
    return [told["StatusCallback"].partition("message=")[2]]


def gateway(call: Call) -> list[str]:
    call.need("authorization", f"Bearer {GOOD}")
    told = call.json()
    assert told["message"]["text"]
    assert told["message"]["reference"] == call.headers["x-request-key"]
    return [told["message"]["reference"]]


def fcm(call: Call) -> list[str]:
    call.need("authorization", f"Bearer {GOOD}")
    told = call.json()["message"]
    assert told["notification"]["title"]
    assert told["android"]["notification"]["tag"] == told["apns"]["headers"]["apns-collapse-id"]
    return [told["data"]["message"]]


def webpush(call: Call) -> list[str]:
    assert call.headers["authorization"].startswith("vapid t=ey")
    assert call.headers["content-encoding"] == "aes128gcm"
    assert int(call.headers["ttl"]) > 0
    assert len(call.headers["topic"]) == 32
    return [call.path.rpartition("/")[2]]


def webhook(call: Call) -> list[str]:
    key, at = call.headers["webhook-id"], call.headers["webhook-timestamp"]
    signed = f"{key}.{at}.".encode() + call.body
    mac = base64.b64encode(hmac.new(base64.b64decode(SIGNING), signed, hashlib.sha256).digest()).decode()
    call.need("webhook-signature", f"v1,{mac}")
    return [key]


def told_id(name: str, status: int = 200) -> Callable[[list[str]], Reply]:
    return lambda keys: Reply(status, {name: f"id-{keys[0]}"})


def events(query: Mapping[str, list[str]], taken: list[str]) -> Any:
    """Mailgun's, of one recipient: others of his have no key of ours."""
    key = query["recipient"][0].partition("@")[0]
    assert int(query["begin"][0]) > 0
    event = {"event": "accepted", "message": {"headers": {"message-id": f"id-{key}"}}}
    ours = [{**event, "user-variables": {"bannerline": each}} for each in taken if each == key]
    return {"items": [{**event, "user-variables": {}}, *ours]}


def outbound(query: Mapping[str, list[str]], taken: list[str]) -> Any:
    """Postmark's messages, by metadata."""
    key = query["metadata_bannerline"][0]
    found = [{"MessageID": f"id-{key}", "Metadata": {"bannerline": key}}] if key in taken else []
    return {"TotalCount": len(found), "Messages": found}


QUESTIONS: dict[str, Callable[[Mapping[str, list[str]], list[str]], Any]] = {
    "/v3/shop.example/events": events,
    "/messages/outbound": outbound,
}
NO = Reply(400, {"message": "no such address"})
DIALECTS: dict[str, Dialect] = {
    "/v3/mail/send": Dialect(sendgrid, lambda keys: Reply(202, headers={"X-Message-Id": f"id-{keys[0]}"}), NO),
    "/v3/shop.example/messages": Dialect(mailgun, told_id("id"), NO),
    "/email/batch": Dialect(
        postmark, lambda keys: Reply(200, [{"ErrorCode": 0, "Message": "OK", "MessageID": f"id-{k}"} for k in keys]), NO
    ),
    "/emails": Dialect(resend, told_id("id"), Reply(422, {"name": "validation_error"}), is_keyed=True),
    "/v2/email/outbound-emails": Dialect(ses, told_id("MessageId"), NO),
    f"/2010-04-01/Accounts/AC{'0' * 32}/Messages.json": Dialect(
        twilio, told_id("sid", 201), Reply(400, {"code": 21610, "message": "unsubscribed recipient"})
    ),
    "/sms": Dialect(gateway, lambda keys: Reply(202, {"messages": [{"id": f"id-{keys[0]}"}]}), NO, is_keyed=True),
    "/v1/projects/shop/messages:send": Dialect(
        fcm,
        lambda keys: Reply(200, {"name": f"projects/shop/messages/id-{keys[0]}"}),
        Reply(404, {"error": {"status": "NOT_FOUND", "details": [{"errorCode": "UNREGISTERED"}]}}),
        is_keyed=True,
    ),
    "/push": Dialect(
        webpush, lambda keys: Reply(201, headers={"Location": f"/m/id-{keys[0]}"}), Reply(410), is_keyed=True
    ),
    "/hook": Dialect(webhook, lambda keys: Reply(204), NO, is_keyed=True),
}  # fmt: skip
