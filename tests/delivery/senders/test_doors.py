"""Where the check of a sender's domain is asked for: every launch, a run that begins by itself, commands and doctor."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from campaigns import configuration, content, policies
from campaigns.models import Brand, Run
from delivery import pipeline, preflight
from delivery.channels.memory import MemoryChannel
from delivery.models import SenderDomain
from tenants.models import Retailer
from tests import factories
from tests.delivery.senders import server

DOMAIN = "shop.bannerline-tests.dev"
WRONG = "has no DMARC policy"


@pytest.fixture
def dns(at_acme: Retailer, outbox: MemoryChannel, settings: Settings) -> Iterator[Any]:
    """The brand sends from a domain of which nothing stands in DNS but that it exists."""
    content.brand()
    Brand.objects.update(from_email=f"hello@{DOMAIN}")
    with server.serving({(DOMAIN, "MX"): ["10 mail.partner.dev."]}) as served:
        settings.DNS_SERVER = f"127.0.0.1:{served.server_address[1]}"
        yield served


def required(retailer: Retailer) -> None:
    policies.save(retailer, policy={"sender_dns": True})


def test_a_preflight_says_it_and_a_launch_goes_on(dns: Any, outbox: MemoryChannel) -> None:
    factories.customers(3)
    campaign = factories.campaign()
    [told] = preflight.as_data(preflight.make(campaign, now=timezone.now()))["senders"]
    assert (told["domain"], told["state"]) == (DOMAIN, "error")
    assert WRONG in str(told["findings"])
    run = configuration.launch(campaign, by="test", now=timezone.now())
    pipeline.work(seconds=20)
    run.refresh_from_db()
    assert (run.state, len(outbox.sent)) == (Run.State.COMPLETED, 3)


def test_where_the_policy_asks_for_it_the_console_refuses(dns: Any, at_acme: Retailer, marketer: Any) -> None:
    required(at_acme)
    factories.customers(3)
    campaign = factories.campaign()
    browser: Client = marketer(at_acme)
    address = f"/admin/campaigns/campaign/{campaign.pk}/launch/"
    shown = browser.get(address).content.decode()
    assert WRONG in shown
    assert f"_dmarc.{DOMAIN}. TXT" in shown
    browser.post(address, {"draft_number": campaign.draft_number})
    assert not Run.objects.exists()


def test_where_the_policy_asks_for_it_the_api_and_the_command_refuse(
    dns: Any, at_acme: Retailer, api_key: Callable[..., str]
) -> None:
    required(at_acme)
    factories.customers(3)
    factories.campaign()
    headers = {"authorization": f"Api-Key {api_key(at_acme)}", "host": "acme.localhost"}
    answer = Client(headers=headers).post("/api/v1/campaigns/welcome/launch/")
    assert (answer.status_code, {error["code"] for error in answer.json()["errors"]}) == (400, {"sender_dns"})
    with pytest.raises(CommandError, match=WRONG):
        call_command("launch", "acme", "welcome", stdout=StringIO())
    assert not Run.objects.exists()


def test_where_the_policy_asks_for_it_a_run_that_begins_by_itself_pauses_and_goes_on_when_all_is_well(
    dns: Any, at_acme: Retailer, outbox: MemoryChannel
) -> None:
    required(at_acme)
    factories.customers(3)
    run = configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.work(seconds=20)
    run.refresh_from_db()
    assert run.state == Run.State.PAUSED
    assert WRONG in run.reason
    policies.save(at_acme, policy={})
    configuration.resume(run)
    pipeline.work(seconds=20)
    run.refresh_from_db()
    assert (run.state, len(outbox.sent)) == (Run.State.COMPLETED, 3)


def test_dns_that_does_not_answer_blocks_nothing_even_where_the_policy_asks(
    dns: Any, at_acme: Retailer, outbox: MemoryChannel
) -> None:
    required(at_acme)
    dns.fails = True
    factories.customers(3)
    run = configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.work(seconds=20)
    run.refresh_from_db()
    assert (run.state, len(outbox.sent)) == (Run.State.COMPLETED, 3)


def test_a_local_domain_is_not_looked_up_and_nobody_is_nagged(dns: Any, at_acme: Retailer) -> None:
    required(at_acme)
    Brand.objects.update(from_email="hello@acme.localhost")
    factories.customers(1)
    campaign = factories.campaign()
    [told] = preflight.as_data(preflight.make(campaign, now=timezone.now()))["senders"]
    assert told["state"] == "skipped"
    configuration.launch(campaign, by="test", now=timezone.now())
    assert dns.asked == []


def test_the_command_says_what_to_publish(dns: Any) -> None:
    out = StringIO()
    with pytest.raises(CommandError, match=DOMAIN):
        call_command("check_senders", "acme", stdout=out)
    assert f'_dmarc.{DOMAIN}. TXT "v=DMARC1; p=none; rua=mailto:dmarc@{DOMAIN}"' in out.getvalue()
    out = StringIO()
    with pytest.raises(CommandError, match=DOMAIN):
        call_command("check_senders", "acme", json=True, stdout=out)
    [told] = json.loads(out.getvalue())["senders"]
    assert told["state"] == "error"


def test_doctor_looks_at_every_sender(dns: Any) -> None:
    out = StringIO()
    with contextlib.suppress(CommandError):
        call_command("doctor", json=True, stdout=out, stderr=StringIO())
    [told] = [each for each in json.loads(out.getvalue()) if each["check"] == "senders"]
    assert told["status"] == "warning"
    assert f"acme {DOMAIN}" in told["message"]


# -- console and API ---------------------------------------------------------------------------------------------------
def test_the_page_of_a_domain_checks_and_warms_up(dns: Any, at_acme: Retailer, marketer: Any) -> None:
    browser: Client = marketer(at_acme)
    assert DOMAIN in browser.get("/admin/delivery/senderdomain/").content.decode()
    sender = SenderDomain.objects.get()
    page = f"/admin/delivery/senderdomain/{sender.pk}"
    shown = browser.post(f"{page}/check/", follow=True).content.decode()
    assert f"_dmarc.{DOMAIN}. TXT" in shown
    shown = browser.post(f"{page}/begin/", {"start": "20", "days": "35"}, follow=True).content.decode()
    assert "the first day may have 50 to 1,000 messages" in shown
    factories.customers(5)
    shown = browser.post(f"{page}/begin/", {"start": "100", "days": "35"}, follow=True).content.decode()
    assert "has begun" in shown
    assert "<polyline" in shown
    browser.post(f"{page}/hold/", {"change_reason": "holidays"})
    sender.refresh_from_db()
    assert (sender.warm_up, sender.reason) == ("held", "holidays")
    browser.post(f"{page}/go-on/")
    browser.post(f"{page}/selectors/", {"selectors": "s1, s2"})
    sender.refresh_from_db()
    assert (sender.warm_up, sender.selectors) == ("warming", ["s1", "s2"])
    assert "is no selector" in browser.post(f"{page}/selectors/", {"selectors": "a b@c"}, follow=True).content.decode()


def test_the_api_checks_and_warms_up(dns: Any, at_acme: Retailer, api_key: Callable[..., str]) -> None:
    headers = {"authorization": f"Api-Key {api_key(at_acme)}", "host": "acme.localhost"}
    api = Client(headers=headers)
    [told] = api.get("/api/v1/senders/").json()["results"]
    assert (told["domain"], told["dns"], told["warm_up"]["warm_up"]) == (DOMAIN, None, "none")
    told = api.post(f"/api/v1/senders/{DOMAIN}/check/").json()
    assert told["dns"]["state"] == "error"
    body = {"act": "begin", "start": 100, "days": 30, "reason": "new"}
    told = api.post(f"/api/v1/senders/{DOMAIN}/warm-up/", body, content_type="application/json").json()
    assert (told["warm_up"]["warm_up"], len(told["warm_up"]["groups"])) == ("warming", 4)
    refused = api.post(f"/api/v1/senders/{DOMAIN}/warm-up/", {"act": "skip"}, content_type="application/json")
    assert refused.status_code == 400
    refused = api.post(f"/api/v1/senders/{DOMAIN}/warm-up/", {"act": "hold"}, content_type="application/json")
    assert [error["field"] for error in refused.json()["errors"]] == ["reason"]
    assert api.get("/api/v1/senders/elsewhere.dev/").status_code == 404
    told = api.patch(f"/api/v1/senders/{DOMAIN}/", {"selectors": ["s1"]}, content_type="application/json").json()
    assert told["selectors"] == ["s1"]


def test_staff_skip_by_command_and_must_say_why(dns: Any) -> None:
    out = StringIO()
    call_command("warm_up", "acme", DOMAIN, "begin", "--start", "100", stdout=out)
    assert "warming up" in out.getvalue()
    with pytest.raises(CommandError, match="reason"):
        call_command("warm_up", "acme", DOMAIN, "skip", stdout=out)
    call_command("warm_up", "acme", DOMAIN, "skip", "--reason", "known for years", "--json", stdout=(out := StringIO()))
    assert json.loads(out.getvalue())["warm_up"] == "skipped"
    with pytest.raises(CommandError, match="no sender domain"):
        call_command("warm_up", "acme", "elsewhere.dev", stdout=out)
