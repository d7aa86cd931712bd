"""In what waves a campaign goes out and whether it goes ahead of others, in its form; and who may let it."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from campaigns import configuration, policies
from campaigns.config.gate import Invalid
from campaigns.models import Campaign, Run
from delivery import pipeline, reports
from delivery.channels.memory import MemoryChannel
from tenants import context
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api, problem
from tests.console.forms import fields, submit

GRANTED = {"transactional": True}
LANE = {"lane": "transactional"}


def page_of(campaign: Campaign) -> str:
    return f"/admin/campaigns/campaign/{campaign.pk}/change/"


def kept(campaign: Campaign) -> dict[str, Any]:
    campaign.refresh_from_db()
    return campaign.draft


def errors(answer: Any) -> dict[str, Any]:
    return dict(answer.context["adminform"].form.errors)


def test_waves_are_said_changed_and_taken_back_in_the_form(at_acme: Retailer, ana: Client) -> None:
    campaign = factories.campaign()
    shown = fields(ana.get(page_of(campaign)), "campaign_form")
    assert (shown["waves"], shown["over"]) == ("", "4h")
    submit(ana, page_of(campaign), "campaign_form")
    assert "release" not in kept(campaign)["steps"][0]
    submit(ana, page_of(campaign), "campaign_form", waves="8", over="1d")
    assert kept(campaign)["steps"][0]["release"] == {"waves": 8, "over": "1d"}
    submit(ana, page_of(campaign), "campaign_form", over="2h")
    assert kept(campaign)["steps"][0]["release"] == {"waves": 8, "over": "2h"}
    submit(ana, page_of(campaign), "campaign_form", waves="")
    assert "release" not in kept(campaign)["steps"][0]


def test_a_time_that_only_files_and_the_api_say_is_offered_as_it_is(at_acme: Retailer, ana: Client) -> None:
    step = {"key": "first", "channel": "email", "template": "hello", "release": {"waves": 3, "over": "90m"}}
    campaign = factories.campaign(steps=[step])
    submit(ana, page_of(campaign), "campaign_form", name="Renamed")
    assert kept(campaign)["steps"][0]["release"] == {"waves": 3, "over": "90m"}


@pytest.mark.parametrize("waves", ["1", "101", "many"])
def test_so_few_or_many_waves_are_refused_at_their_field(at_acme: Retailer, ana: Client, waves: str) -> None:
    campaign = factories.campaign()
    assert list(errors(submit(ana, page_of(campaign), "campaign_form", waves=waves))) == ["waves"]


def test_nobody_is_asked_for_a_lane_that_the_policy_does_not_let_them_take(at_acme: Retailer, ana: Client) -> None:
    campaign = factories.campaign()
    page = page_of(campaign)
    assert fields(ana.get(page), "campaign_form")["lane"] == "ordinary"
    assert ana.get(page).context["adminform"].form["lane"].is_hidden
    assert list(errors(submit(ana, page, "campaign_form", lane="transactional"))) == ["lane"]
    policies.save(None, policy=GRANTED)
    assert not ana.get(page).context["adminform"].form["lane"].is_hidden
    submit(ana, page, "campaign_form", lane="transactional")
    assert kept(campaign)["lane"] == "transactional"
    submit(ana, page, "campaign_form", lane="ordinary")
    assert "lane" not in kept(campaign)


@pytest.mark.parametrize(
    ("platform", "own", "may"),
    [
        ({}, None, False),
        ({"transactional": False}, None, False),
        (GRANTED, None, True),
        (GRANTED, {"transactional": False}, False),
        (GRANTED, GRANTED, True),
    ],
)
def test_the_platform_lets_campaigns_be_transactional_and_a_retailer_can_forbid_it(
    at_acme: Retailer, platform: dict[str, Any], own: dict[str, Any] | None, may: bool
) -> None:
    policies.save(None, policy=platform)
    policies.save(at_acme, policy=own)
    if may:
        assert factories.campaign(**LANE).draft["lane"] == "transactional"
        return
    with pytest.raises(Invalid, match="lets no campaign be transactional"):
        factories.campaign(**LANE)


def test_a_retailer_lets_itself_nothing(at_acme: Retailer, ana: Client) -> None:
    with pytest.raises(Invalid, match="lets no campaign be transactional"):
        policies.save(at_acme, policy=GRANTED)
    policies.save(None, policy=GRANTED)
    policies.save(at_acme, policy=GRANTED)
    policies.save(None, policy={})
    assert policies.effective(at_acme).transactional is None


def test_the_policy_s_page_says_it(at_acme: Retailer, ana: Client) -> None:
    refused = submit(ana, "/admin/policy/", "policy_form", transactional="yes")
    assert "lets no campaign be transactional" in refused.content.decode()
    submit(ana, "/admin/policy/", "policy_form", transactional="no")
    assert policies.layer_of(at_acme).policy == {"transactional": False}
    assert fields(ana.get("/admin/policy/"), "policy_form")["transactional"] == "no"


def test_a_run_that_the_policy_lets_go_ahead_no_longer_is_paused_before_its_next_batch(
    at_acme: Retailer, outbox: MemoryChannel
) -> None:
    policies.save(None, policy=GRANTED)
    factories.customers(3)
    run = configuration.launch(factories.campaign(**LANE), by="test", now=timezone.now())
    pipeline.advance(run, now=timezone.now())
    policies.save(None, policy={})
    pipeline.work(seconds=20)
    run.refresh_from_db()
    assert (run.state, reports.report(run).states) == (Run.State.PAUSED, {"queued": 3})
    assert "transactional" in run.reason
    assert outbox.sent == []


def test_neither_the_api_nor_files_bring_one(acme: Retailer, api_key: Callable[..., str], tmp_path: Path) -> None:
    with context.in_retailer(acme):
        factories.campaign()
    api = Api(acme, api_key(acme))
    assert problem(api.post("campaigns/", factories.config("other", **LANE)))[1] == [("lane", "policy")]
    assert problem(api.patch("campaigns/welcome/", LANE))[1] == [("lane", "policy")]
    call_command("config", "export", "acme", "--out", str(tmp_path), verbosity=0)
    (file,) = tmp_path.rglob("welcome.yaml")
    file.write_text(f"{file.read_text()}lane: transactional\n")
    said = StringIO()
    with pytest.raises(CommandError, match="failed: acme"):
        call_command("config", "apply", "acme", str(tmp_path), stdout=said, stderr=said)
    assert "lets no campaign be transactional" in said.getvalue()
