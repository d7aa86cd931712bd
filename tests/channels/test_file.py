"""The channels of development: what was sent lies in files, or in memory."""

from __future__ import annotations

import json
from email import message_from_bytes, policy
from pathlib import Path

from delivery.channels.base import Envelope, Outbound, PushContent, Result, SmsContent
from delivery.channels.file import FileChannel
from tests.channels.contract import ENVELOPE


def test_an_e_mail_is_a_file_that_mail_programs_read(tmp_path: Path) -> None:
    channel = FileChannel(tmp_path / "new", "file")
    for _ in range(2):
        channel.send(ENVELOPE, [Outbound("m1", "a@b.example", "Größe", "<p>Größe</p>", "Größe")], seconds=1)
    (file,) = (tmp_path / "new").iterdir()
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert (file.name, mail["Subject"], mail["To"]) == ("m1.eml", "Größe", "a@b.example")


def test_everything_else_is_json_and_stays_in_its_folder(tmp_path: Path) -> None:
    channel = FileChannel(tmp_path / "out", "file")
    batch = [
        Outbound("../../m1", "+4915", content=SmsContent("Hello")),
        Outbound("m2", "token", content=PushContent("Hi", "there")),
        Outbound("m3", "nobody", "x", "x", "x"),
    ]
    outcomes = channel.send(Envelope("", "", ""), batch, seconds=1)
    assert [outcome.result for outcome in outcomes] == [Result.ACCEPTED, Result.ACCEPTED, Result.REJECTED]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".._.._m1.json", "m2.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert json.loads((tmp_path / "out" / "m2.json").read_text())["content"]["title"] == "Hi"
