"""Changes whole or not at all, and the way back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.utils import timezone

from campaigns import configuration, editing
from campaigns.ascode import history
from campaigns.models import Campaign, ConfigSnapshot, Segment, Template
from tenants.models import AgendaItem, Retailer
from tests import factories
from tests.campaigns.ascode.shops import config, edit, exported, refused, rows


def test_apply_changes_everything_and_publishes_templates_only(shop: Retailer, tmp_path: Path) -> None:
    exported("acme", tmp_path)
    edit(tmp_path / "brand.yaml", "#112233", "#445566")
    edit(tmp_path / "templates/winback.html", "Dear", "Hi")
    edit(tmp_path / "templates/thanks.yaml", "name: Thanks", "name: Many thanks")
    edit(tmp_path / "campaigns/thank-you.yaml", "name: Thank-You", "name: Thank you")
    (tmp_path / "segments/newest.yaml").write_text("key: newest\nname: N\nrule: {segment: base}\n")
    (tmp_path / "segments/base.yaml").write_text("key: base\nname: B\nrule: {consent: {channel: sms}}\n")
    code, told = config("apply", "acme", tmp_path, "--reason", "Autumn")
    assert code == 0
    assert told.splitlines()[-3:] == [
        "  templates/winback: version 2 is live",
        "  Campaigns were changed as drafts: publish or launch them when they are ready.",
        "acme: 2 created, 4 changed, 0 deleted; undo it with: config rollback acme --to 1.",
    ]
    assert config("plan", "acme", tmp_path)[0] == 0
    winback, thanks = (Template.objects.get(key=key) for key in ("winback", "thanks"))
    assert winback.live is not None
    assert "Hi" in winback.live.html
    assert thanks.versions.count() == 1
    campaign = Campaign.objects.get(key="thank-you")
    assert (campaign.name, campaign.draft_number, campaign.live) == ("Thank you", 2, None)
    assert ConfigSnapshot.objects.get().reason == "Autumn"


def test_campaign_taken_off_the_folder_is_taken_off_the_agenda(shop: Retailer, tmp_path: Path) -> None:
    exported("acme", tmp_path)
    campaign = Campaign.objects.get(key="winback-60")
    configuration.publish(campaign, now=timezone.now())
    (tmp_path / "campaigns/winback-60.yaml").unlink()
    config("apply", "acme", tmp_path)
    assert not Campaign.objects.filter(key="winback-60").exists()
    assert not AgendaItem.objects.filter(retailer=shop, kind="campaign", object_id=campaign.pk).exists()


def test_segments_that_lead_to_each_other_are_removed_together(shop: Retailer, tmp_path: Path) -> None:
    exported("acme", tmp_path)
    edit(tmp_path / "campaigns/winback-60.yaml", "segment: quiet-60", "segment: staff")
    for name in ("quiet-60", "locals"):
        (tmp_path / f"segments/{name}.yaml").unlink()
    config("apply", "acme", tmp_path)
    assert list(Segment.objects.values_list("key", flat=True)) == ["staff"]


def test_what_is_in_use_is_not_deleted_and_nothing_else_is_changed(shop: Retailer, tmp_path: Path) -> None:
    exported("acme", tmp_path)
    published = Campaign.objects.get(key="thank-you")
    configuration.launch(published, by="test", now=timezone.now())
    configuration.save_draft(factories.config("thank-you"), campaign=published)
    before = rows()
    for name in ("campaigns/thank-you.yaml", "segments/staff.yaml", "segments/locals.yaml"):
        (tmp_path / name).unlink()
    for name in ("winback.yaml", "winback.html", "winback.txt"):
        (tmp_path / "templates" / name).unlink()
    edit(tmp_path / "brand.yaml", "#112233", "#445566")
    told = refused("apply", "acme", tmp_path)
    assert told.splitlines() == [
        "  campaigns/thank-you.yaml: is not here, and the campaign cannot be deleted: it has runs, whose history is "
        "kept: keep the file",
        "  segments/locals.yaml: is not here, and the segment cannot be deleted: it is in use by segment quiet-60: "
        "change that first",
        "  segments/staff.yaml: is not here, and the segment cannot be deleted: it is in use by campaign winback-60: "
        "change that first",
        "  templates/winback.yaml: is not here, and the template cannot be deleted: it is in use by campaign "
        "winback-60: change that first",
        "acme: failed.",
    ]
    assert rows() == before


def test_template_of_a_published_campaign_is_in_use(shop: Retailer, tmp_path: Path) -> None:
    campaign = Campaign.objects.get(key="thank-you")
    configuration.publish(campaign, now=timezone.now())
    exported("acme", tmp_path)
    edit(tmp_path / "campaigns/thank-you.yaml", "template: thanks", "template: winback")
    (tmp_path / "templates/thanks.yaml").unlink()
    (tmp_path / "templates/thanks.html").unlink()
    assert "in use by campaign thank-you as it was published" in refused("apply", "acme", tmp_path)


def test_change_on_another_plan_is_refused(shop: Retailer, tmp_path: Path) -> None:
    exported("acme", tmp_path)
    edit(tmp_path / "brand.yaml", "#112233", "#445566")
    planned = json.loads(config("plan", "acme", tmp_path, "--json")[1])["fingerprint"]
    segment = Segment.objects.get(key="staff")
    segment.name = "Colleagues"
    editing.save_segment(segment, now=timezone.now())
    before = rows()
    assert "changed meanwhile" in refused("apply", "acme", tmp_path, "--expect", planned)
    assert rows() == before
    planned = json.loads(config("plan", "acme", tmp_path, "--json")[1])["fingerprint"]
    assert config("apply", "acme", tmp_path, "--expect", planned)[0] == 0


def test_rollback_gives_back_every_byte(shop: Retailer, tmp_path: Path) -> None:
    factories.template("typed", html="<p>One</p>\r\n<p>Two</p>")
    for number in range(20):
        factories.segment(f"city-{number:02}", {"attribute": "city", "eq": f"City {number}"})
    first = exported("acme", tmp_path)
    crlf = Template.objects.get(key="typed").html
    for number in range(18):
        edit(tmp_path / f"segments/city-{number:02}.yaml", "City", "Town")
    edit(tmp_path / "templates/typed.html", "Two", "Three")
    edit(tmp_path / "brand.yaml", "#112233", "#445566")
    (tmp_path / "campaigns/thank-you.yaml").unlink()
    (tmp_path / "segments/new.yaml").write_text("key: new\nname: New\nrule: {sample: 0.5}\n")
    config("apply", "acme", tmp_path)
    changed = exported("acme", tmp_path)
    assert config("rollback", "acme")[0] == 0
    assert exported("acme", tmp_path) == first
    assert Template.objects.get(key="typed").html == crlf
    config("rollback", "acme")  # a rollback is a change as well
    assert exported("acme", tmp_path) == changed
    config("rollback", "acme", "--to", 1)
    assert exported("acme", tmp_path) == first
    assert list(ConfigSnapshot.objects.order_by("number").values_list("number", flat=True)) == [1, 2, 3, 4]
    assert config("rollback", "acme", "--to", 1) == (0, "acme: nothing to change.\n")
    assert "there is no change 7: the changes that can be undone are 4, 3, 2, 1" in refused(
        "rollback", "acme", "--to", 7
    )


def test_rollback_makes_live_what_was_live(shop: Retailer, tmp_path: Path) -> None:
    winback = Template.objects.get(key="winback")
    assert winback.live is not None
    was_live = winback.live.content_hash
    Template.objects.filter(key="winback").update(subject="A draft that was never published")
    exported("acme", tmp_path)
    edit(tmp_path / "templates/winback.html", "Dear", "Hi")
    config("apply", "acme", tmp_path)
    code, told = config("rollback", "acme")
    assert code == 0
    assert "templates/winback: version 1 is live again" in told
    winback = Template.objects.select_related("live").get(key="winback")
    assert winback.live is not None
    assert (winback.subject, winback.live.content_hash) == ("A draft that was never published", was_live)


def test_rollback_brings_a_deleted_template_back_live(shop: Retailer, tmp_path: Path) -> None:
    first = exported("acme", tmp_path)
    (tmp_path / "templates/hello.yaml").unlink()
    (tmp_path / "templates/hello.html").unlink()
    config("apply", "acme", tmp_path)
    assert "templates/hello: version 1 is live" in config("rollback", "acme")[1]
    assert exported("acme", tmp_path) == first


def test_history_is_kept_for_so_many_changes(shop: Retailer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "KEPT", 2)
    exported("acme", tmp_path)
    for number in range(4):
        (tmp_path / "segments/staff.yaml").write_text(f"key: staff\nname: Staff {number}\nrule: {{sample: 0.1}}\n")
        config("apply", "acme", tmp_path)
    assert list(ConfigSnapshot.objects.order_by("number").values_list("number", flat=True)) == [3, 4]
    told = refused("rollback", "acme", "--since", "2026-01-01T00:00:00+00:00")
    assert "only what was changed from" in told


def test_nothing_to_roll_back_is_said(at_acme: Retailer) -> None:
    assert "nothing was changed yet" in refused("rollback", "acme")
