"""Three messages that were sent, an account whose mail comes back, and the doors that take it."""

from __future__ import annotations

import io
import sys

import pytest
from django.core.management import call_command
from django.utils import timezone

from campaigns import configuration
from delivery import identity, pipeline
from delivery.channels.memory import MemoryChannel
from delivery.models import Message, Provider
from delivery.providers import accounts
from delivery.return_paths import ReturnPaths
from tenants.models import Retailer
from tests import factories
from tests.delivery.bounces.relays import DOMAIN, Path, Pipe, account


@pytest.fixture
def sent(at_acme: Retailer, outbox: MemoryChannel) -> list[Message]:
    """Accepted; to c1@example.test, c2@ and c3@."""
    factories.customers(3)
    configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.work(seconds=60)
    return list(Message.objects.order_by("customer_id"))


@pytest.fixture
def relay(sent: list[Message]) -> Provider:
    return accounts.save(account())


@pytest.fixture
def path(relay: Provider, at_acme: Retailer) -> Path:
    """Where a message comes back to: `path(sent[0])`, of the person with that number, or another `address`."""

    def make(message: Message, number: int = 1, address: str = "") -> str:
        key = identity.public_id(at_acme, message.pk)
        return f"{ReturnPaths(at_acme).name(key, address or f'c{number}@example.test')}@{DOMAIN}"

    return make


@pytest.fixture
def pipe(relay: Provider, monkeypatch: pytest.MonkeyPatch) -> Pipe:
    """As a mail server hands a mail over; what the command says."""

    def run(mail: bytes, to: str = "") -> str:
        said = io.StringIO()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(mail)))
        call_command("receive_bounce", "acme", to=to, stdout=said)
        return said.getvalue()

    return run
