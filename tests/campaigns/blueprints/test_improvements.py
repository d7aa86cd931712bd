"""A newer version of a blueprint: offered, accepted, or left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaigns import (
    blueprinting,
    configuration,
    policies,
    resolution,
)
from campaigns.blueprinting import Offer
from campaigns.config.gate import Invalid
from campaigns.configuration import Conflict
from campaigns.models import Segment, Template
from tenants.accounts.models import AuditEntry
from tenants.models import Retailer
from tests import factories
from tests.campaigns.blueprints.deployed import (
    NOW,
    deploy_second_winback,
)


def test_without_a_newer_version_nothing_is_offered(at_acme: Retailer) -> None:
    assert blueprinting.offer(blueprinting.instantiate("winback", now=NOW)) is None
    assert blueprinting.offer(factories.campaign()) is None


def test_newer_version_is_offered_with_what_it_changes_and_forced_on_nobody(at_acme: Retailer, folder: Path) -> None:
    campaign = blueprinting.instantiate("winback", now=NOW)
    before = resolution.resolve(campaign.draft).document
    deploy_second_winback(folder)
    offer = blueprinting.offer(campaign)
    assert isinstance(offer, Offer)
    assert (offer.current, offer.newest, offer.blueprint.version) == (1, 2, 2)
    assert offer.improvements == ["Writes a second time to whoever stays quiet."]
    changed = {difference.field for difference in offer.differences}
    assert {"audience.exclude", "audience.holdout"} <= changed
    assert any(field.startswith("steps") for field in changed)
    assert not any(field.startswith("blueprint") for field in changed)
    campaign.refresh_from_db()
    assert resolution.resolve(campaign.draft).document == before
    saved = configuration.save_draft(campaign.draft | {"name": "Mine"}, campaign=campaign)
    assert resolution.resolve(saved.draft).document == before | {"name": "Mine"}  # an edit is no consent either


def test_new_campaigns_get_the_newest_version(at_acme: Retailer, folder: Path) -> None:
    deploy_second_winback(folder)
    campaign = blueprinting.instantiate("winback", now=NOW)
    assert campaign.draft["blueprint_version"] == 2
    assert configuration.publish(campaign, now=NOW).config["audience"]["holdout"] == 0.1


def test_accepting_changes_only_what_the_campaign_does_not_say_itself(at_acme: Retailer, folder: Path) -> None:
    plain = blueprinting.instantiate("winback", now=NOW)
    own = blueprinting.instantiate("winback", now=NOW)
    own = configuration.save_draft(own.draft | {"audience": {"holdout": 0.2}}, campaign=own)
    left_alone, document = plain.draft, resolution.resolve(plain.draft).document
    deploy_second_winback(folder)
    offer = blueprinting.offer(own)
    assert offer is not None
    assert "audience.holdout" not in {difference.field for difference in offer.differences}
    accepted = blueprinting.accept(own, draft_number=own.draft_number, now=NOW)
    assert accepted.draft["blueprint_version"] == 2
    config = configuration.publish(accepted, now=NOW).config
    assert config["audience"]["holdout"] == 0.2
    assert config["audience"]["exclude"] == {"segment": "winback-staff"}
    assert [step["key"] for step in config["steps"]] == ["letter", "again"]
    assert Segment.objects.filter(key="winback-staff").exists()
    assert Template.objects.get(key="we-miss-you-again").live
    assert blueprinting.offer(accepted) is None
    plain.refresh_from_db()
    assert plain.draft == left_alone
    assert resolution.resolve(plain.draft).document == document


def test_accepting_is_audited_and_subject_to_the_lock_and_to_policy(at_acme: Retailer, folder: Path) -> None:
    campaign = blueprinting.instantiate("winback", now=NOW)
    read = campaign.draft_number
    configuration.save_draft(campaign.draft | {"name": "Changed meanwhile"}, campaign=campaign)
    deploy_second_winback(folder)
    with pytest.raises(Conflict):
        blueprinting.accept(campaign, draft_number=read, now=NOW)
    policies.save(at_acme, policy={"per_customer": [{"messages": 1, "per": "30d"}]})
    with pytest.raises(Invalid, match="2 messages to one person within 30d"):
        blueprinting.accept(campaign, now=NOW)
    assert not Segment.objects.filter(key="winback-staff").exists()
    policies.save(at_acme, policy={})
    blueprinting.accept(campaign, now=NOW)
    entry = AuditEntry.objects.filter(kind="campaign", key="winback", action="edit").latest("pk")
    assert entry.before is not None
    assert entry.after is not None
    assert (entry.before["blueprint_version"], entry.after["blueprint_version"]) == (1, 2)


def test_accepting_where_there_is_nothing_newer_changes_nothing(at_acme: Retailer) -> None:
    campaign = blueprinting.instantiate("winback", now=NOW)
    assert blueprinting.accept(campaign, now=NOW).draft_number == 1
    with pytest.raises(Invalid, match="follows no blueprint"):
        blueprinting.accept(factories.campaign(), now=NOW)


def test_detached_campaign_runs_the_same_and_is_offered_nothing(at_acme: Retailer, folder: Path) -> None:
    policies.save(at_acme, defaults={"topic": "letters"})
    campaign = blueprinting.instantiate("winback", now=NOW)
    campaign = configuration.save_draft(campaign.draft | {"audience": {"holdout": 0.2}}, campaign=campaign)
    before = resolution.resolve(campaign.draft).document
    detached = blueprinting.detach(campaign)
    after = resolution.resolve(detached.draft)
    assert after.document == {k: v for k, v in before.items() if not k.startswith("blueprint")}
    assert after.provenance["steps"] == after.provenance["audience.include"] == "campaign"
    assert after.provenance["topic"] == "retailer"  # what the retailer said for all stays theirs to change
    deploy_second_winback(folder)
    assert blueprinting.offer(detached) is None
    with pytest.raises(Invalid, match="follows no blueprint"):
        blueprinting.detach(detached)
