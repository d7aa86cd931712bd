"""Blueprints: ready to publish as they are, pinned once they are chosen, improved only where people agree."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.checks import Error
from django.db import connection
from django.test import override_settings
from django.utils import timezone
from pytest_django import Settings

from campaigns import (
    audience,
    blueprinting,
    blueprints,
    configuration,
    content,
    editing,
    editions,
    facts,
    policies,
    resolution,
)
from campaigns.apps import check_blueprints
from campaigns.audience import Waterfall
from campaigns.blueprinting import Offer
from campaigns.config.gate import Invalid
from campaigns.configuration import Conflict
from campaigns.models import Campaign, Customer, Event, Segment, Template
from delivery import pipeline, previews, providers
from delivery.channels.memory import MemoryChannel
from delivery.previews import Preview
from delivery.rendering import Rendered
from tenants import acting, context
from tenants.accounts.models import AuditEntry
from tenants.models import Retailer
from tests import factories

NOW = timezone.now()
EIGHT = [
    "abandoned-cart", "birthday", "onboarding", "post-purchase", "price-drop", "promotion", "replenishment", "winback"
]  # fmt: skip
TEMPLATES = [(each.key, seed.key) for each in blueprints.catalogue() for seed in each.templates]


@pytest.fixture
def at_acme(acme: Retailer) -> Iterator[Retailer]:
    with context.in_retailer(acme), acting.acting("Ana", "user:1", "console"):
        yield acme


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A platform's own folder of blueprints."""
    with override_settings(BLUEPRINTS=[str(tmp_path)]):
        yield tmp_path


def shipped(key: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((blueprints.FOLDER / key / "1.yaml").read_text())
    return document


def deploy(folder: Path, key: str, number: int, document: Any) -> None:
    (folder / key).mkdir(exist_ok=True)
    text = document if isinstance(document, str) else yaml.safe_dump(document)
    (folder / key / f"{number}.yaml").write_text(text)


def deploy_second_winback(folder: Path) -> None:
    """Holds back more, writes again after a fortnight, and needs one segment and one template more."""
    document = shipped("winback")
    campaign = document["campaign"]
    campaign["audience"] |= {"holdout": 0.1, "exclude": {"segment": "winback-staff"}}
    again = {"key": "again", "channel": "email", "template": "we-miss-you-again", "after": {"step": "letter"}}
    again["after"]["delay"] = "14d"  # type: ignore[index]
    again["variants"] = campaign["steps"][0]["variants"]
    campaign["steps"].append(again)
    document["segments"].append({"key": "winback-staff", "name": "Staff", "rule": {"attribute": "staff", "eq": True}})
    document["templates"].append(document["templates"][0] | {"key": "we-miss-you-again"})
    deploy(folder, "winback", 2, document | {"improvement": "Writes a second time to whoever stays quiet."})


def read(preview: Preview) -> Rendered:
    assert preview.rendered, preview.problem
    return preview.rendered


def faults_of(file: Path) -> list[str]:
    return [error.msg for error in check_blueprints() if str(file) in error.msg]


# -- the eight ---------------------------------------------------------------------------------------------------------
def test_eight_blueprints_ship_without_a_fault() -> None:
    assert sorted(each.key for each in blueprints.catalogue()) == EIGHT
    assert check_blueprints() == []


@pytest.mark.parametrize("key", EIGHT)
def test_each_publishes_at_a_fresh_retailer_as_it_is_even_where_the_policy_asks_for_a_footer(
    at_acme: Retailer, key: str
) -> None:
    policies.save(at_acme, policy={"footer": ["unsubscribe_url", "brand.postal_address"], "channels": ["email"]})
    campaign = blueprinting.instantiate(key, now=NOW)
    version = configuration.publish(campaign, now=NOW)
    assert version.config["steps"]
    assert campaign.draft == {"key": key, "name": campaign.name, "blueprint": key, "blueprint_version": 1}
    assert version.provenance["steps"] == version.provenance["trigger"] == f"blueprint {key} 1"
    assert version.provenance["name"] == "campaign"


@pytest.mark.parametrize(("key", "template"), TEMPLATES)
def test_every_mail_renders_for_somebody_of_whom_little_is_known(at_acme: Retailer, key: str, template: str) -> None:
    campaign = blueprinting.instantiate(key, now=NOW)
    config = resolution.resolve(campaign.draft).config
    live = editions.of_version(Template.objects.get(key=template).live, at_acme)
    variant = next(step for step in config.steps if step.template == template).variants[0]
    stranger = Customer(external_id="c1", email="c1@example.test")
    bare = read(previews.of_variant(config, live, variant, stranger))
    assert ">Unsubscribe</a>" in bare.html
    assert "Unsubscribe: " in bare.text
    button = f">{variant.content['button']}</a>"
    assert button not in bare.html  # no website, no button that leads nowhere
    assert f"{variant.content['button']}: " not in bare.text
    assert bare.subject
    brand = content.brand()
    brand.website, brand.postal_address = "https://acme.example/", "1 High Street, Leeds"
    editing.save_brand(brand)
    full = read(previews.of_variant(config, live, variant, stranger))
    assert "1 High Street, Leeds" in full.html
    assert "1 High Street, Leeds" in full.text
    assert button in full.html
    assert f"{variant.content['button']}: https://acme.example/\n" in full.text
    assert len(live.version.html) < 20_000


# -- instantiating -----------------------------------------------------------------------------------------------------
def test_instantiating_again_takes_the_next_free_key_and_makes_nothing_twice(at_acme: Retailer) -> None:
    first, second = blueprinting.instantiate("winback", now=NOW), blueprinting.instantiate("winback", now=NOW)
    third = blueprinting.instantiate("winback", key="come-back", name="Come back", now=NOW)
    assert [first.key, second.key, third.key, third.name] == ["winback", "winback-2", "come-back", "Come back"]
    assert Segment.objects.filter(key__startswith="winback").count() == 1
    assert Template.objects.filter(key="we-miss-you").count() == 1


def test_instantiating_never_overwrites_what_the_retailer_has(at_acme: Retailer) -> None:
    mine = factories.segment("winback-60-days", {"attribute": "city", "eq": "Leeds"})
    template = factories.template("we-miss-you", subject="Mine")
    blueprinting.instantiate("winback", now=NOW)
    mine.refresh_from_db()
    template.refresh_from_db()
    assert mine.rule == {"attribute": "city", "eq": "Leeds"}
    assert template.subject == "Mine"
    assert template.versions.count() == 1


def test_unknown_blueprint_is_refused_with_those_there_are(at_acme: Retailer) -> None:
    with pytest.raises(Invalid, match="no blueprint 'nonsense'; known: abandoned-cart, birthday, onboarding"):
        blueprinting.instantiate("nonsense", now=NOW)


def test_what_the_policy_forbids_is_refused_and_leaves_nothing_behind(at_acme: Retailer) -> None:
    policies.save(at_acme, policy={"min_holdout": 0.2})
    with pytest.raises(Invalid) as caught:
        blueprinting.instantiate("winback", now=NOW)
    assert [problem.field for problem in caught.value.problems] == ["audience.holdout"]
    assert not Campaign.objects.exists()
    assert not Segment.objects.exists()
    assert not Template.objects.exists()


def test_a_template_that_the_policy_forbids_is_named(at_acme: Retailer) -> None:
    policies.save(at_acme, policy={"template_features": []})
    with pytest.raises(Invalid) as caught:
        blueprinting.instantiate("birthday", now=NOW)
    assert caught.value.problems[0].field == "templates.happy-birthday.html"


def test_every_part_that_is_made_is_in_the_audit_trail(at_acme: Retailer) -> None:
    blueprinting.instantiate("winback", now=NOW)
    noted = {(entry.action, entry.kind, entry.key, entry.actor) for entry in AuditEntry.objects.all()}
    assert noted >= {
        ("create", "segment", "winback-60-days", "Ana"),
        ("create", "template", "we-miss-you", "Ana"),
        ("publish", "template", "we-miss-you", "Ana"),
        ("create", "campaign", "winback", "Ana"),
    }


def test_two_clicks_at_once_make_two_campaigns_and_one_segment(live_retailer: Retailer, django_db_blocker: Any) -> None:
    def click(_: int) -> str:
        try:
            with context.in_retailer(live_retailer):
                return blueprinting.instantiate("winback", now=NOW).key
        finally:
            connection.close()

    with django_db_blocker.unblock(), ThreadPoolExecutor(4) as pool:
        made = sorted(pool.map(click, range(4)))
        with context.in_retailer(live_retailer):
            segments = Segment.objects.count()
    assert made == ["winback", "winback-2", "winback-3", "winback-4"]
    assert segments == 1


# -- improvements ------------------------------------------------------------------------------------------------------
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


# -- files -------------------------------------------------------------------------------------------------------------
def test_platform_adds_a_blueprint_of_its_own_with_its_own_mail(at_acme: Retailer, folder: Path) -> None:
    document = shipped("winback")
    document["templates"][0] |= {"key": "loyal", "starter": "our-letter"}
    document["campaign"]["steps"][0]["template"] = "loyal"
    deploy(folder, "loyalty", 1, document | {"name": "Loyalty"})
    (folder / "loyalty" / "our-letter.html").write_text(
        '<p>{{ content.headline }}</p><a href="{{ unsubscribe_url }}">Unsubscribe</a>'
    )
    assert "Loyalty" in [each.name for each in blueprints.catalogue()]
    campaign = blueprinting.instantiate("loyalty", now=NOW)
    configuration.publish(campaign, now=NOW)
    live = Template.objects.get(key="loyal").live
    assert live is not None
    assert "<p>{{ content.headline }}</p>" in live.html


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"nmae": "x"}, "nmae: this field is unknown"),
        ({"name": None}, "name: "),
        ({"icon": "<b>"}, "icon: "),
        ({"campaign": {"key": "x"}}, "campaign.key: every campaign has its own"),
        ({"campaign": {}}, "campaign.trigger: this field is required"),
        ({"segments": []}, "campaign.audience.include.segment: there is no segment 'winback-60-days' here"),
        ({"templates": []}, "campaign.steps.0.template: there is no template 'we-miss-you' here"),
        (
            {"segments": [{"key": "winback-60-days", "name": "x", "rule": {"segment": "winback-60-days"}}]},
            "segments.0.rule.segment: segments refer to each other in a circle",
        ),
        (
            {"templates": [{"key": "we-miss-you", "name": "x", "subject": "x", "starter": "none"}]},
            "templates.0.starter: there is no starter 'none'",
        ),
        (
            {"templates": [{"key": "we-miss-you", "name": "x", "subject": "{{ cart.total }}", "starter": "letter"}]},
            "campaign.steps.0.variants.0.content: cart.total is unknown",
        ),
    ],
)
def test_file_that_cannot_be_used_is_told_at_start_with_its_field(
    folder: Path, changed: dict[str, Any], words: str
) -> None:
    deploy(folder, "broken", 1, shipped("winback") | changed)
    file = folder / "broken" / "1.yaml"
    assert any(words in told for told in faults_of(file)), faults_of(file)
    assert {error.id for error in check_blueprints() if isinstance(error, Error)} == {"campaigns.E001"}
    assert blueprints.get("broken") is None
    assert blueprints.get("winback") is not None  # it takes no other with it


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("Bad Key/1.yaml", "name: x", "name it <key>/<number>.yaml"),
        ("good/one.yaml", "name: x", "name it <key>/<number>.yaml"),
        ("good/01.yaml", "name: x", "name it <key>/<number>.yaml"),
        ("good/1.yaml", "name: [", "line 1: this is no YAML"),
        ("good/1.yaml", "name: x\nname: y", "'name' is said twice"),
        ("good/1.yaml", "- 1", "file: "),
        ("winback/1.yaml", (blueprints.FOLDER / "winback" / "1.yaml").read_text(), "a version never changes"),
    ],
)
def test_file_that_cannot_be_read_is_told_at_start(folder: Path, name: str, text: str, words: str) -> None:
    file = folder / name
    file.parent.mkdir()
    file.write_text(text)
    assert any(words in told for told in faults_of(file)), faults_of(file)


def test_corrected_file_counts_at_once(folder: Path) -> None:
    deploy(folder, "loyalty", 1, "name: [")
    assert blueprints.get("loyalty") is None
    deploy(folder, "loyalty", 1, shipped("winback"))
    assert blueprints.get("loyalty") is not None
    shutil.rmtree(folder / "loyalty")
    assert blueprints.get("loyalty") is None


def test_folder_that_is_not_there_is_told_at_start(tmp_path: Path) -> None:
    with override_settings(BLUEPRINTS=[str(tmp_path / "none")]):
        assert "there is no such folder" in check_blueprints()[0].msg


def test_times_and_dates_in_a_blueprint_are_what_is_written(folder: Path) -> None:
    document = (blueprints.FOLDER / "promotion" / "1.yaml").read_text()
    window = "timing: {window: [10:00, 20:00], expire_after: 24h}"
    deploy(folder, "promotion", 2, document.replace("timing: {expire_after: 24h}", window))
    found = blueprints.get("promotion", 2)
    assert found is not None
    assert found.campaign["timing"]["window"] == ["10:00", "20:00"]


# -- whom they reach ---------------------------------------------------------------------------------------------------
def audience_of(key: str, *, as_of: datetime = NOW) -> Waterfall:
    config = resolution.resolve(blueprinting.instantiate(key, now=NOW).draft).config
    return audience.count(config, as_of=as_of)


def did(person: Customer, name: str, *, ago: timedelta) -> None:
    Event.objects.create(event_id=f"{name}-{ago}", customer=person, name=name, occurred_at=NOW - ago)
    facts.recompute([person.pk])


@pytest.mark.parametrize(("key", "first", "last"), [("winback", 60, 67), ("replenishment", 28, 35)])
def test_each_silence_falls_into_exactly_one_of_the_weekly_runs(
    at_acme: Retailer, key: str, first: int, last: int
) -> None:
    person = factories.customers(1)[0]
    did(person, "order", ago=timedelta(days=300))
    did(person, "order", ago=timedelta(days=first, hours=1))
    weeks = [audience_of(key, as_of=NOW + timedelta(weeks=week)).candidates for week in range(-2, 3)]
    assert weeks == [0, 0, 1, 0, 0]
    did(person, "order", ago=timedelta(days=1))
    assert audience_of(key).candidates == 0
    assert last - first == 7


def test_basket_that_was_ordered_meanwhile_is_not_reminded_of(at_acme: Retailer) -> None:
    keen, idle = factories.customers(2)
    did(keen, "order", ago=timedelta(hours=3))
    did(idle, "order", ago=timedelta(hours=8))
    assert audience_of("abandoned-cart").excluded["excluded_by_rule"] == 1


def test_birthday_greets_whose_day_it_is_in_the_retailers_zone(at_acme: Retailer) -> None:
    factories.customers(1, attributes={"birthday": "1990-05-17"})
    factories.customers(2, first=2, attributes={"birthday": "1990-05-18"})
    half_past_midnight_in_london = datetime(2026, 5, 16, 23, 30, tzinfo=UTC)
    assert audience_of("birthday", as_of=half_past_midnight_in_london).included == 1


def test_what_was_chosen_in_two_clicks_arrives(at_acme: Retailer, settings: Settings) -> None:
    settings.EMAIL_URL = "memory://acme"
    channel = providers.channel(at_acme, "email")
    assert isinstance(channel, MemoryChannel)
    channel.sent.clear()
    today = timezone.now().astimezone(at_acme.tzinfo)
    factories.customers(1, attributes={"birthday": f"1984-{today:%m-%d}"})
    factories.customers(1, first=2)
    configuration.launch(blueprinting.instantiate("birthday", now=NOW), by="test", now=timezone.now())
    pipeline.work(seconds=30)
    assert [(mail.recipient, mail.subject) for mail in channel.sent] == [("c1@example.test", "Happy birthday, Ana")]
    assert "A few hours that are all yours" in channel.sent[0].html
