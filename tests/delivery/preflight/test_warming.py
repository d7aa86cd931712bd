"""How many days a campaign takes from a domain under warm-up: what the hand-overs of those days then do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from campaigns import content
from campaigns.models import Brand, Campaign
from delivery.channels.memory import MemoryChannel
from delivery.models import SenderDomain
from delivery.preflight import as_data, lines
from delivery.preflight import make as made
from delivery.warmup import acts
from tenants.models import Retailer
from tests import factories
from tests.delivery.preflight.asking import LONDON, launch, make, work_off


@pytest.fixture
def sender(at_acme: Retailer) -> SenderDomain:
    content.brand()
    Brand.objects.update(from_email="hello@shop.example")
    return acts.begin("shop.example", now=timezone.now(), start=50, peak=5_000)


def test_the_plan_is_what_the_days_do(sender: SenderDomain, outbox: MemoryChannel) -> None:
    factories.customers(200)
    factories.customers(30, first=201, email="")
    campaign = factories.campaign()
    days = make(campaign)["days"]
    [told] = days["warm_up"]
    today = timezone.now().astimezone(LONDON).date()
    assert (told["domain"], told["steps"], told["waiting"], told["ends"]) == ("shop.example", ["first"], 0, True)
    assert [each["day"] for each in told["plan"]] == [
        (today + timedelta(days=n)).isoformat() for n in range(told["days"])
    ]
    assert sum(each["messages"] for each in told["plan"]) == 200
    assert (days["days"], days["last_day"], days["max_per_day"]) == (told["days"], told["last_day"], None)
    work_off(launch(campaign))
    assert len(outbox.sent) == told["plan"][0]["messages"]


def test_what_waits_already_is_counted_with_it(sender: SenderDomain, outbox: MemoryChannel) -> None:
    factories.customers(200)
    alone = make(factories.campaign())["days"]["days"]
    work_off(launch(Campaign.objects.get()))
    sent = len(outbox.sent)
    [told] = make(factories.campaign("second"))["days"]["warm_up"]
    assert told["waiting"] == 200 - sent
    assert told["days"] > alone
    assert sum(each["messages"] for each in told["plan"]) == 400 - sent


def test_what_would_expire_before_its_turn_is_told_on_every_page(
    sender: SenderDomain, at_acme: Retailer, marketer: Callable[[Retailer], Client]
) -> None:
    factories.customers(200)
    campaign = factories.campaign(timing={"mode": "now", "expire_after": "1m"})
    preflight = made(campaign, now=timezone.now())
    [told] = as_data(preflight)["days"]["warm_up"]
    assert told["late"] == 200 - told["plan"][0]["messages"]
    assert any("would expire before their turn" in line for line in lines(preflight))
    for page in ("launch", "audience"):
        shown = marketer(at_acme).get(f"/admin/campaigns/campaign/{campaign.pk}/{page}/").content.decode()
        assert "Warm-up of shop.example" in shown
        assert "would expire before their turn" in shown
    campaign = factories.campaign("patient", timing={"mode": "now", "expire_after": "30d"})
    assert make(campaign)["days"]["warm_up"][0]["late"] == 0


def test_other_domains_and_ended_warm_ups_bound_nothing(sender: SenderDomain) -> None:
    factories.customers(10)
    campaign = factories.campaign()
    acts.skip("shop.example", now=timezone.now(), reason="known")
    assert make(campaign)["days"] is None
