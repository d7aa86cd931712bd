"""`launch` from the terminal: what it starts, what it refuses, and what its exit code says."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from campaigns.models import Run
from delivery import providers
from delivery.models import Preflight
from tenants import context
from tenants.models import Retailer
from tests import factories
from tests.delivery.scripted import Answer, ScriptedServer


@pytest.fixture
def at_acme(acme: Retailer, settings: Settings) -> Iterator[Retailer]:
    settings.EMAIL_URL = "memory://launch"
    with context.in_retailer(acme):
        factories.customers(7)
        factories.customers(2, first=8, consent_email=False)
        factories.campaign()
        yield acme


def launch(*arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("launch", "acme", "welcome", *arguments, stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue()


def test_waiting_returns_at_the_end_with_the_ledger(at_acme: Retailer) -> None:
    printed = launch("--wait")
    assert re.search(r"candidates +9\b", printed)
    assert re.search(r"excluded +2 +no_consent", printed)
    assert re.search(r"accepted +7\b", printed)
    assert "  balances" in printed


def test_ledger_as_json(at_acme: Retailer) -> None:
    report = json.loads(launch("--wait", "--json"))
    assert report["states"] == {"accepted": 7}
    assert (report["candidates"], report["included"], report["excluded"]) == (9, 7, {"no_consent": 2})
    assert report["balances"] is True
    assert report["delivery_success"] == 1.0


def test_preflight_counts_and_starts_nothing(at_acme: Retailer) -> None:
    told = json.loads(launch("--preflight", "--json"))
    assert (told["candidates"], told["included"], told["excluded"]) == (9, 7, {"no_consent": 2})
    assert told["steps"] == [{"step": "first", "channel": "email", "reached": 7, "missed": {}}]
    assert (told["sentence"], told["late"], told["id"]) == ("Everyone.", {}, Preflight.objects.get().pk)
    assert re.search(r"^ +2 no_consent$", launch("--preflight"), re.MULTILINE)
    assert Run.objects.count() == 0


def test_waiting_tells_what_differs_from_the_preflight(at_acme: Retailer) -> None:
    launch("--preflight")
    assert "against the pre-flight: Exactly as the pre-flight said." in launch("--wait")
    with context.in_retailer(at_acme):
        factories.customers(2, first=10)
    report = json.loads(launch("--wait", "--json"))
    assert report["preflight"]["before"] == {"included": 7, "no_consent": 2}
    assert report["preflight"]["after"] == {"included": 9, "no_consent": 2}
    assert report["preflight"]["words"][:2] == [
        "included: 7 in the pre-flight, 9 in the run",
        "2 people: added since",
    ]


def test_stopped_mail_server_is_told_before_anything_starts(at_acme: Retailer, settings: Settings) -> None:
    settings.EMAIL_URL = "smtp://127.0.0.1:9"
    with pytest.raises(CommandError, match=r"127\.0\.0\.1:9.*Nothing was started"):
        launch("--wait")
    assert Run.objects.count() == 0


def test_nobody_knows_is_a_failure_that_says_how_many(at_acme: Retailer, settings: Settings) -> None:
    with ScriptedServer({".": [None, None, "?"]}) as server:
        settings.EMAIL_URL = f"smtp://127.0.0.1:{server.port}"
        with pytest.raises(CommandError, match=r"1 messages of run \d+ are unknown"):
            launch("--wait")
        providers.channel(at_acme, "email").close()


def test_mail_server_that_stops_midway_holds_the_run_up_and_loses_nothing(
    at_acme: Retailer, settings: Settings
) -> None:
    with ScriptedServer({"MAIL": ["421 4.3.2 shutting down"] * 50}) as server:
        settings.EMAIL_URL = f"smtp://127.0.0.1:{server.port}"
        with pytest.raises(CommandError, match="had not ended after 2 s"):
            launch("--wait", timeout=2)
    settings.EMAIL_URL = "memory://again"
    assert Run.objects.get().state == Run.State.RUNNING


def test_unknown_campaign_and_broken_configuration_are_named(at_acme: Retailer) -> None:
    with pytest.raises(CommandError, match=r"no campaign 'nope'\. Known: welcome"):
        call_command("launch", "acme", "nope")
    factories.campaign("broken", audience={"include": {"segment": "nobody"}})
    with pytest.raises(CommandError, match=r"audience\.include\.segment: there is no segment 'nobody'"):
        call_command("launch", "acme", "broken")
    with pytest.raises(CommandError, match=r"is not an instant"):
        launch("--as-of", "yesterday")


def test_slow_mail_server_is_left_again_and_again_and_gets_every_mail_once(
    at_acme: Retailer, settings: Settings
) -> None:
    factories.customers(100, first=100)
    settings.LEASE_SECONDS = 2  # seconds, of which a hand-over gets 0.8
    with ScriptedServer({".": [Answer("250 ok", after=0.02, take=True)] * 500}) as server:
        settings.EMAIL_URL = f"smtp://127.0.0.1:{server.port}"
        launch("--wait", timeout=60)
        providers.channel(at_acme, "email").close()
    assert len(server.keys) == len(set(server.keys)) == 107
