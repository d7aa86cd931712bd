"""What doctor says of the things that hold work up."""

from __future__ import annotations

import contextlib
import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from campaigns import configuration
from delivery import pipeline
from delivery.channels.memory import MemoryChannel
from delivery.models import Message
from delivery.providers import accounts
from tenants import acting, context, stops
from tenants.models import Retailer
from tests import factories


def findings() -> dict[str, dict[str, Any]]:
    out = StringIO()
    with contextlib.suppress(CommandError):  # some other check may fail on a test's machine
        call_command("doctor", json=True, stdout=out, stderr=StringIO())
    return {each["check"]: each for each in json.loads(out.getvalue())}


@pytest.mark.django_db
def test_a_stop_is_told_with_who_and_why(acme: Retailer) -> None:
    assert findings()["stops"]["status"] == "ok"
    with acting.acting("Ben", "user:2", "console"):
        stops.stop(acme, reason="wrong prices")
    told = findings()["stops"]
    assert told["status"] == "warning"
    assert "Acme Foods by Ben: wrong prices" in told["message"]


def test_each_provider_of_each_retailer_is_asked(acme: Retailer) -> None:
    relay = {"key": "relay", "channel": "email", "kind": "smtp", "settings": {"host": "127.0.0.1", "port": 1}}
    with context.in_retailer(acme):
        accounts.save({"key": "texts", "channel": "sms", "kind": "memory"})
    told = findings()["providers"]
    assert (told["status"], told["message"]) == ("ok", "1 accounts of retailers answer")
    with context.in_retailer(acme):
        provider = accounts.save(relay)
    told = findings()["providers"]
    assert told["status"] == "failure"
    assert "acme relay: The mail server 127.0.0.1:1" in told["message"]
    with context.in_retailer(acme):
        accounts.save({"is_active": False}, provider)
    assert findings()["providers"]["status"] == "ok"


def test_a_run_that_does_not_add_up_is_told_with_its_step_and_the_cure(
    at_acme: Retailer, outbox: MemoryChannel
) -> None:
    factories.customers(3)
    run = configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.work(seconds=20)
    assert findings()["ledgers"] == {"check": "ledgers", "status": "ok", "message": "1 runs, all balance"}
    with context.in_retailer(at_acme):
        Message.objects.filter(pk=Message.objects.earliest("pk").pk).delete()
    told = findings()["ledgers"]
    assert told["status"] == "failure"
    assert f"acme run {run.pk}, step first: 2 messages for 3 people (1 missing); " in told["message"]
    assert "restore them from a backup" in told["message"]
