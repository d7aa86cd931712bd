"""Files that go along, as each provider of e-mail wants them."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from email import message_from_bytes, policy
from typing import Any
from urllib.parse import parse_qsl

import pytest

from delivery.channels import KINDS
from delivery.channels.base import Attached, Envelope, Outbound, Result
from delivery.channels.kinds import Account
from tests.channels.dialects import GOOD
from tests.channels.servers import Asked, serving

CONTENT = bytes(range(256)) * 8
GUIDE = Attached("size guide (1).pdf", "application/pdf", CONTENT)
SENDER = ("bounces@acme.example", 'Acme "Foods" Größe', "news@acme.example", "help@acme.example")
WITH, WITHOUT = Envelope(*SENDER, (GUIDE,)), Envelope(*SENDER)
MESSAGES = [Outbound(f"m{n}", f"m{n}@shop.example", "Größe", "<p>Größe</p>", "Größe") for n in range(3)]
CREDENTIALS = {
    "sendgrid": {"api_key": GOOD}, "mailgun": {"api_key": GOOD}, "postmark": {"server_token": GOOD},
    "resend": {"api_key": GOOD}, "ses": {"access_key_id": GOOD, "secret_access_key": GOOD},
}  # fmt: skip
SETTINGS: dict[str, dict[str, str]] = {"mailgun": {"domain": "shop.example"}, "ses": {"region": "eu-central-1"}}
ANSWERS: dict[str, Any] = {
    "sendgrid": (202, {}), "mailgun": (200, {"id": "x"}), "resend": (200, {"id": "x"}),
    "ses": (200, {"MessageId": "x"}),
}  # fmt: skip


def of_form(asked: Asked) -> list[Any]:
    raw = b"Content-Type: " + asked.headers["Content-Type"].encode() + b"\r\n\r\n" + asked.body
    found = message_from_bytes(raw, policy=policy.HTTP).get_payload()
    return [
        (part.get_filename(), part.get_content_type(), part.get_payload(decode=True))
        for part in found if isinstance(found, list) and part.get_filename()
    ]  # fmt: skip


def of_mime(asked: Asked) -> list[Any]:
    raw = b64decode(json.loads(asked.body)["Content"]["Raw"]["Data"])
    mail = message_from_bytes(raw, policy=policy.default)
    return [(part.get_filename(), part.get_content_type(), part.get_content()) for part in mail.iter_attachments()]


def of_json(name: str, *fields: str) -> Callable[[Asked], list[Any]]:
    def read(asked: Asked) -> list[Any]:
        told = json.loads(asked.body)
        files = [file for each in (told if isinstance(told, list) else [told]) for file in each.get(name, [])]
        filename, mime, content = fields
        return [(file[filename], file[mime], b64decode(file[content])) for file in files]

    return read


READ = {
    "sendgrid": of_json("attachments", "filename", "type", "content"),
    "postmark": of_json("Attachments", "Name", "ContentType", "Content"),
    "resend": of_json("attachments", "filename", "content_type", "content"),
    "mailgun": of_form,
    "ses": of_mime,
}


def handed(kind: str, envelope: Envelope, messages: list[Outbound]) -> tuple[list[Asked], set[Result]]:
    asked: list[Asked] = []

    def answer(request: Asked) -> tuple[int, bytes]:
        asked.append(request)
        if kind == "postmark":
            told = [{"ErrorCode": 0, "MessageID": "x"} for _ in json.loads(request.body)]
            return 200, json.dumps(told).encode()
        status, said = ANSWERS[kind]
        return status, json.dumps(said).encode()

    with serving(answer) as url:
        known = KINDS[kind]
        account = Account(
            kind,
            known.settings.model_validate({"base_url": url} | SETTINGS.get(kind, {})),
            known.credentials.model_validate(CREDENTIALS[kind]),
            timeout=5.0,
            allow_private=True,
        )
        channel = known.make(account)
        outcomes = channel.send(envelope, messages, seconds=10)
        channel.close()
    return asked, {outcome.result for outcome in outcomes}


@pytest.mark.parametrize("kind", sorted(READ))
def test_every_provider_gets_the_file_as_it_is(kind: str) -> None:
    asked, results = handed(kind, WITH, MESSAGES)
    files = [file for each in asked for file in READ[kind](each)]
    assert files == [(GUIDE.name, GUIDE.mime, CONTENT)] * len(MESSAGES)
    assert results <= {Result.ACCEPTED, Result.UNKNOWN}  # the stand-in of one tells no id


@pytest.mark.parametrize("kind", sorted(set(READ) - {"mailgun", "ses"}))
def test_without_files_nothing_is_said_of_them(kind: str) -> None:
    [asked, *_], _ = handed(kind, WITHOUT, MESSAGES)
    assert b"ttachment" not in asked.body


def test_without_files_mailgun_gets_the_form_it_always_got() -> None:
    [asked, *_], _ = handed("mailgun", WITHOUT, MESSAGES[:1])
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert dict(parse_qsl(asked.body.decode()))["subject"] == "Größe"


def test_postmark_gets_as_many_in_a_request_as_it_takes() -> None:
    large = Attached("large.pdf", "application/pdf", b"x" * 2_000_000)
    asked, _ = handed("postmark", Envelope(*SENDER, (large,)), [Outbound(f"m{n}", "a@b.example") for n in range(30)])
    assert len(asked) > 1
    assert max(len(each.body) for each in asked) < 50 * 1024 * 1024


@pytest.mark.parametrize("kind", sorted(READ))
@pytest.mark.parametrize(
    ("name", "mime"), [('a"; x="b.pdf', "application/pdf"), ("a\r\nb.pdf", "application/pdf"), ("a.pdf", "x\r\ny")]
)
def test_what_could_end_a_header_is_refused(kind: str, name: str, mime: str) -> None:
    try:
        asked, results = handed(kind, Envelope(*SENDER, (Attached(name, mime, b"x"),)), MESSAGES[:1])
    except ValueError:
        return
    assert (asked, results) == ([], {Result.REJECTED})


def test_base64_is_made_once() -> None:
    assert GUIDE.base64 == b64encode(CONTENT).decode()
    assert GUIDE.base64 is GUIDE.base64
