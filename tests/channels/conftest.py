"""The fake providers, in a process of their own, and each kind of channel at one of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from delivery.channels import KINDS
from delivery.channels.base import Channel
from delivery.channels.email.ses import SesChannel
from tests.channels import signed
from tests.channels.contract import KINDS_AT_A_PROVIDER, Fake, Trial, account, setups
from tests.processes import PROJECT


@pytest.fixture(scope="session")
def running_fake() -> Iterator[Fake]:
    command = [sys.executable, "-m", "tests.channels.fake_provider"]
    process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Fake(process)
    finally:
        process.communicate(timeout=10)


@pytest.fixture
def fake(running_fake: Fake) -> Fake:
    running_fake.behave()
    return running_fake


@pytest.fixture(autouse=True)
def amazon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Amazon's certificate is ours, and nobody asks the network for it."""
    monkeypatch.setattr(SesChannel, "certificate", lambda self, url: signed.certificate(url))


@pytest.fixture(params=KINDS_AT_A_PROVIDER)
def trial(request: pytest.FixtureRequest, fake: Fake) -> Iterator[Trial]:
    kind, made = request.param, []
    setup = setups(fake)[kind]

    def make(**changes: Any) -> Channel:
        made.append(KINDS[kind].make(account(kind, setup, **changes)))
        return made[-1]

    yield Trial(kind, fake, setup, make)
    for channel in made:
        channel.close()
