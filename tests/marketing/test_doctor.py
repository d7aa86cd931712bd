"""What doctor says of the things that hold work up."""

from __future__ import annotations

import contextlib
import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from delivery.providers import accounts
from tenants import acting, context, stops
from tenants.models import Retailer


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
