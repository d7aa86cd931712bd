"""Approval: exactly what was looked at, by somebody who did not write it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from campaigns import configuration, content, policies, reviews
from campaigns.config.gate import Invalid
from campaigns.lifecycle import NotAllowed
from campaigns.models import Campaign, Review, Template
from tenants import acting, context
from tenants.accounts.models import AuditEntry
from tenants.models import Retailer
from tests import factories

ANA, BEN, CLEO = (("Ana", "user:1", "console"), ("Ben", "user:2", "console"), ("Cleo", "user:3", "console"))


@pytest.fixture
def at_acme(acme: Retailer) -> Iterator[Retailer]:
    policies.save(None, policy={"approval": True})
    with context.in_retailer(acme):
        yield acme


def written(by: tuple[str, str, str] = ANA, **parts: Any) -> Campaign:
    with acting.acting(*by):
        return factories.campaign(**parts)


def submitted(campaign: Campaign, by: tuple[str, str, str] = ANA) -> Review:
    with acting.acting(*by):
        return reviews.submit(campaign, note="Please look", now=timezone.now())


def approved(campaign: Campaign, by: tuple[str, str, str] = BEN) -> Review:
    with acting.acting(*by):
        return reviews.approve(campaign, now=timezone.now())


def state(campaign: Campaign) -> str:
    return Campaign.objects.get(pk=campaign.pk).state


def test_nothing_is_published_or_launched_without_the_approval_that_policy_asks_for(at_acme: Retailer) -> None:
    campaign = written()
    with pytest.raises(NotAllowed, match="asks for approval"):
        configuration.publish(campaign, now=timezone.now())
    with pytest.raises(NotAllowed, match="asks for approval"):
        configuration.launch(campaign, by="test", now=timezone.now())
    assert not campaign.versions.exists()
    assert not campaign.runs.exists()


def test_an_approved_draft_is_published_and_its_version_names_the_approver(at_acme: Retailer) -> None:
    campaign = written()
    submitted(campaign)
    assert state(campaign) == "in_review"
    approved(campaign)
    assert state(campaign) == "approved"
    version = configuration.publish(campaign, now=timezone.now())
    assert version.approved_by == "Ben"
    assert configuration.launch(campaign, by="test", now=timezone.now()).state == "planned"


def test_nobody_approves_what_they_had_a_hand_in(at_acme: Retailer) -> None:
    campaign = written(ANA)
    with acting.acting(*CLEO):
        configuration.save_draft({**campaign.draft, "name": "Renamed"}, campaign=campaign)
    submitted(campaign, by=BEN)
    for author in (ANA, BEN, CLEO):
        with pytest.raises(NotAllowed, match="had a hand"):
            approved(campaign, by=author)
    with pytest.raises(NotAllowed, match="a person's"):
        reviews.approve(campaign, now=timezone.now())
    approved(campaign, by=("Dan", "user:4", "console"))


def test_an_edit_takes_the_review_back_and_the_approval_lapses(at_acme: Retailer) -> None:
    campaign = written()
    submitted(campaign)
    with acting.acting(*ANA):
        configuration.save_draft({**campaign.draft, "topic": "news"}, campaign=campaign)
    assert state(campaign) == "draft"
    with pytest.raises(NotAllowed, match="not under review"):
        approved(campaign)
    submitted(campaign)
    approved(campaign)
    with acting.acting(*ANA):
        configuration.save_draft({**campaign.draft, "topic": "offers"}, campaign=campaign)
    assert state(campaign) == "draft"
    with pytest.raises(NotAllowed, match="asks for approval"):
        configuration.publish(campaign, now=timezone.now())


def test_what_is_approved_includes_what_its_templates_say(at_acme: Retailer) -> None:
    campaign = written()
    submitted(campaign)
    hello = Template.objects.get(key="hello")
    hello.subject = "Something else"
    hello.save()
    content.publish(hello)
    with pytest.raises(NotAllowed, match="changed meanwhile"):
        approved(campaign)
    submitted(campaign)
    approved(campaign)
    hello.subject = "Swapped after approval"
    hello.save()
    content.publish(hello)
    with pytest.raises(NotAllowed, match="asks for approval"):
        configuration.publish(campaign, now=timezone.now())


def test_what_is_approved_includes_what_the_base_of_its_templates_says(at_acme: Retailer) -> None:
    factories.base()
    factories.template(base="standard", subject="", html="")
    campaign = written()
    submitted(campaign)
    approved(campaign)
    factories.base(html=factories.BASE_HTML.replace("<h1>", "<h2>").replace("</h1>", "</h2>"))
    with pytest.raises(NotAllowed, match="asks for approval"):
        configuration.publish(campaign, now=timezone.now())
    submitted(campaign)
    approved(campaign)
    assert configuration.publish(campaign, now=timezone.now()).approved_by == "Ben"


def test_what_lies_below_the_draft_is_approved_with_it(at_acme: Retailer) -> None:
    campaign = written()
    submitted(campaign)
    approved(campaign)
    policies.save(at_acme, defaults={"audience": {"holdout": 0.2}})
    with pytest.raises(NotAllowed, match="asks for approval"):
        configuration.publish(campaign, now=timezone.now())


def test_a_draft_sent_back_is_a_draft_again_with_the_answer(at_acme: Retailer) -> None:
    campaign = written()
    submitted(campaign)
    with acting.acting(*BEN):
        reviews.send_back(campaign, answer="Too loud", now=timezone.now())
    assert state(campaign) == "draft"
    assert campaign.reviews.get().answer == "Too loud"


def test_a_draft_that_could_not_be_published_is_not_put_before_anybody(at_acme: Retailer) -> None:
    campaign = written(steps=[{"key": "a", "channel": "email", "template": "nowhere"}])
    with pytest.raises(Invalid, match="no template"):
        submitted(campaign)
    assert not campaign.reviews.exists()


def test_the_next_version_of_a_live_campaign_is_reviewed_while_it_stays_live(at_acme: Retailer) -> None:
    trigger = {"kind": "recurring", "rrule": "FREQ=DAILY;BYHOUR=9", "starts": "2031-01-01T09:00:00"}
    campaign = written(trigger=trigger)
    submitted(campaign)
    approved(campaign)
    first = configuration.publish(campaign, now=timezone.now())
    with acting.acting(*ANA):
        configuration.save_draft({**campaign.draft, "topic": "news"}, campaign=campaign)
    submitted(campaign)
    assert state(campaign) == "scheduled"
    campaign.refresh_from_db()
    assert campaign.live_id == first.pk
    approved(campaign)
    assert configuration.publish(campaign, now=timezone.now()).number == 2


def test_the_trail_tells_who_submitted_and_who_approved(at_acme: Retailer) -> None:
    campaign = written()
    submitted(campaign)
    approved(campaign)
    trail = AuditEntry.objects.filter(kind="campaign", key=campaign.key).order_by("pk").values_list("action", "actor")
    assert list(trail) == [("create", "Ana"), ("submit", "Ana"), ("approve", "Ben")]
