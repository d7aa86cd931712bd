"""The page on channels: its example is a whole provider, made, configured and sent with as it stands there."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from delivery import channels, providers
from delivery.channels.base import Envelope, Outbound, Result, SmsContent
from delivery.channels.kinds import Kind
from delivery.providers import accounts
from tenants.models import Retailer
from tests.channels.servers import Asked, serving
from tests.processes import PROJECT

PAGE = (PROJECT / "docs" / "channels.md").read_text()


class Pigeon:
    """The provider of the example."""

    def __init__(self) -> None:
        self.url, self.taken = "", dict[str, Any]()

    def answer(self, asked: Asked) -> tuple[int, bytes]:
        if asked.method == "GET":
            return (200 if asked.headers["authorization"] == "Bearer coo" else 401), b"{}"
        told = json.loads(asked.body)
        self.taken[asked.headers["idempotency-key"]] = told
        return 200, json.dumps({"id": f"pigeon-{told['to']}"}).encode()


@pytest.fixture
def pigeon() -> Iterator[Pigeon]:
    made = Pigeon()
    with serving(made.answer) as made.url:
        yield made


@pytest.fixture
def kind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Kind]:
    """The example, with its line in the roll."""
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "pigeon.py").write_text(example)
    monkeypatch.syspath_prepend(tmp_path)
    made: Kind = importlib.import_module("pigeon").KIND
    monkeypatch.setitem(channels.KINDS, "pigeon", made)  # type: ignore[arg-type]
    yield made
    del sys.modules["pigeon"]


def test_the_example_is_a_provider_like_the_others(
    kind: Kind, pigeon: Pigeon, at_acme: Retailer, settings: Settings
) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = True
    account = {
        "key": "coop",
        "channel": "sms",
        "kind": "pigeon",
        "settings": {"sender": "Acme", "base_url": pigeon.url},
    }
    accounts.save({**account, "credentials": {"api_key": "coo"}})
    channel = providers.channel(at_acme, "sms")
    channel.check()
    batch = [Outbound(f"m{n}", f"+4915{n}", content=SmsContent("Hello")) for n in range(3)]
    outcomes = channel.send(Envelope("", "", ""), batch, seconds=5)
    assert {outcome.result for outcome in outcomes} == {Result.ACCEPTED}
    assert [outcome.provider_id for outcome in outcomes] == ["pigeon-+49150", "pigeon-+49151", "pigeon-+49152"]
    assert pigeon.taken["m1"] == {"to": "+49151", "text": "Hello", "sender": "Acme"}
    assert accounts.schema(kind)["settings"]["properties"]["sender"]["description"] == "What is shown as the sender."


def test_the_page_names_every_kind() -> None:
    table = PAGE.partition("## What each provider can promise")[2].partition("##")[0]
    assert set(re.findall(r"`([a-z_]+)`", table)) - {"webhook-id"} >= set(channels.KINDS)
