"""A campaign's page shows where each value comes from, and a save keeps what is inherited inherited."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import blueprinting, configuration, policies, resolution
from campaigns.models import Campaign, Event
from tenants import context
from tenants.models import Retailer
from tests import factories
from tests.console.forms import fields, submit

LEEDS = {"segment": "leeds"}


@pytest.fixture
def winback(at_acme: Retailer) -> Campaign:
    """A campaign that says nothing but where it comes from, below a platform and a retailer that say something."""
    factories.customers(3)
    factories.segment("leeds", {"attribute": "city", "eq": "Leeds"})
    with context.on_platform():
        policies.save(None, policy={"min_holdout": 0.03})
    policies.save(at_acme, defaults={"audience": {"holdout": 0.1, "exclude": LEEDS}})
    return blueprinting.instantiate("winback", name="Come back", now=timezone.now())


def page_of(campaign: Campaign) -> str:
    return f"/admin/campaigns/campaign/{campaign.pk}/change/"


def sources(page: Any) -> dict[str, tuple[str, ...]]:
    """What stands beside each field."""
    found = page.context["adminform"].form.standing.fields()
    return {name: (field.source, *field.bounds) for name, field in found.items()}


def test_each_field_says_where_its_value_comes_from(winback: Campaign, ana: Client) -> None:
    page = ana.get(page_of(winback))
    told = sources(page)
    assert told["include"] == ("from blueprint winback 1",)
    assert told["when"] == ("from blueprint winback 1",)
    assert told["holdout"] == ("retailer default", "policy: at least 3 %")
    assert told["exclude"] == ("retailer default",)
    text = page.content.decode()
    assert all(f">{words}</span>" in text for each in told.values() for words in each)
    shown = fields(page, "campaign_form")
    assert (shown["holdout"], shown["exclude"]) == ("10", "leeds")


def test_saving_unchanged_writes_nothing_into_the_draft(winback: Campaign, ana: Client) -> None:
    before = winback.draft
    assert submit(ana, page_of(winback), "campaign_form").status_code == 302
    winback.refresh_from_db()
    assert winback.draft == before
    assert set(before) == {"key", "name", "blueprint", "blueprint_version"}


@pytest.mark.parametrize(
    ("changes", "written"),
    [
        ({"holdout": "20"}, {"audience": {"holdout": 0.2}}),
        ({"exclude": ""}, {"audience": {"exclude": {"any": []}}}),
        ({"include": "*everyone"}, {"audience": {"include": {"all": []}}}),
        ({"topic": "news"}, {"topic": "news"}),
        (
            {"when": "event", "event_name": "cart", "delay": "2h", "once_per": "1w"},
            {"trigger": {"kind": "event", "name": "cart", "delay": "2h", "once_per": "1w"}},
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_changing_a_field_writes_that_field_alone(
    winback: Campaign, ana: Client, changes: dict[str, str], written: dict[str, Any]
) -> None:
    saved = submit(ana, page_of(winback), "campaign_form", **changes)
    assert saved.status_code == 302, saved.context["errors"]
    own = {name: value for name, value in Campaign.objects.get(pk=winback.pk).draft.items() if name in written}
    assert own == written
    assert set(Campaign.objects.get(pk=winback.pk).draft) == {*winback.draft, *written}


def test_nobody_left_out_overrides_the_retailers_default_and_is_shown_so(winback: Campaign, ana: Client) -> None:
    submit(ana, page_of(winback), "campaign_form", exclude="")
    winback.refresh_from_db()
    assert not resolution.resolve(winback.draft).document["audience"]["exclude"]["any"]
    page = ana.get(page_of(winback))
    assert fields(page, "campaign_form")["exclude"] == ""
    assert sources(page)["exclude"] == ("set here",)


def test_inherited_value_is_taken_again_with_a_tick(winback: Campaign, ana: Client) -> None:
    submit(ana, page_of(winback), "campaign_form", holdout="20")
    page = ana.get(page_of(winback))
    assert "Use 10 % (retailer default) instead" in page.content.decode()
    submit(ana, page_of(winback), "campaign_form", use_inherited="audience.holdout")
    winback.refresh_from_db()
    assert "audience" not in winback.draft
    assert resolution.resolve(winback.draft).document["audience"]["holdout"] == 0.1


def test_what_the_policy_forbids_is_said_at_its_field(winback: Campaign, ana: Client) -> None:
    refused = submit(ana, page_of(winback), "campaign_form", holdout="1")
    assert "at least 3 %" in refused.context["adminform"].form.errors["holdout"][0]
    winback.refresh_from_db()
    assert "audience" not in winback.draft


def test_event_trigger_keeps_what_the_form_does_not_show_and_offers_events_that_occur(
    at_acme: Retailer, ana: Client
) -> None:
    customer = factories.customers(1)[0]
    Event.objects.create(customer=customer, event_id="e1", name="basket_left", occurred_at=timezone.now())
    trigger = {"kind": "event", "name": "cart", "delay": "17m", "once_per": "7d", "grace": "3h"}
    campaign = factories.campaign(trigger=trigger)
    before = campaign.draft
    page = ana.get(page_of(campaign))
    assert '<option value="basket_left">' in page.content.decode()
    shown = fields(page, "campaign_form")
    assert (shown["event_name"], shown["delay"], shown["once_per"]) == ("cart", "17m", "1w")
    submit(ana, page_of(campaign), "campaign_form")
    campaign.refresh_from_db()
    assert campaign.draft == before
    submit(ana, page_of(campaign), "campaign_form", delay="1h")
    campaign.refresh_from_db()
    assert campaign.draft["trigger"]["grace"] == "3h"
    assert campaign.draft["trigger"]["delay"] == "1h"


def test_new_campaign_leaves_the_retailers_defaults_to_the_retailer(winback: Campaign, ana: Client) -> None:
    factories.template()
    made = submit(
        ana,
        "/admin/campaigns/campaign/add/",
        "campaign_form",
        name="Spring",
        key="spring",
        include="*everyone",
        template="hello",
    )
    assert made.status_code == 302, made.context["errors"]
    draft = Campaign.objects.get(key="spring").draft
    assert draft["audience"] == {"include": {"all": []}}
    assert "topic" not in draft


def test_list_shows_what_blueprints_say_and_asks_the_database_no_more_for_many(winback: Campaign, ana: Client) -> None:
    ana.get("/admin/campaigns/campaign/")
    with CaptureQueriesContext(connection) as few:
        page = ana.get("/admin/campaigns/campaign/")
    assert "every week on Tuesday at 10:00" in page.content.decode()
    for n in range(5):
        blueprinting.instantiate("onboarding", name=f"Hello {n}", now=timezone.now())
    with CaptureQueriesContext(connection) as many:
        page = ana.get("/admin/campaigns/campaign/")
    assert len(many) == len(few)
    assert "when a customer does “signup”" in page.content.decode()


def test_page_of_a_draft_whose_blueprint_is_gone_opens_and_says_so(winback: Campaign, ana: Client) -> None:
    Campaign.objects.filter(pk=winback.pk).update(draft=winback.draft | {"blueprint_version": 99})
    page = ana.get(page_of(winback))
    assert page.status_code == 200
    assert page.context["problems"]
    assert ana.get("/admin/campaigns/campaign/").status_code == 200
    assert ana.get(f"/admin/campaigns/campaign/{winback.pk}/review/").status_code == 200
    assert ana.get(f"/admin/campaigns/campaign/{winback.pk}/launch/").status_code == 200


def test_launching_a_campaign_made_of_inherited_parts_runs_the_whole(winback: Campaign, ana: Client) -> None:
    version = configuration.publish(winback, now=timezone.now())
    assert version.config["audience"]["holdout"] == 0.1
    page = ana.get(page_of(winback))
    assert not page.context["is_changed"]
