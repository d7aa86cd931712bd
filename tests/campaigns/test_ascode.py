"""Configuration as code through its command: folders out, plans, changes whole or not at all, and the way back."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import configuration, content, editing
from campaigns.ascode import applying, diffing, documents, folder, history, kinds, plain_yaml, planning, telling
from campaigns.config import gate
from campaigns.config.gate import Invalid
from campaigns.management.commands.config import Command
from campaigns.models import Brand, Campaign, ConfigSnapshot, Segment, Template
from tenants import context
from tenants.models import AgendaItem, Group, Retailer
from tests import factories

REASON = applying.Reason("test", "", timezone.now())


@pytest.fixture
def at_acme(acme: Retailer) -> Iterator[Retailer]:
    with context.in_retailer(acme):
        yield acme


@pytest.fixture
def shop(at_acme: Retailer) -> Retailer:
    """Acme with a brand, three segments of which one leads to another, two templates and two campaigns."""
    fill()
    return at_acme


def fill() -> None:
    Brand.objects.filter(pk=content.brand().pk).update(postal_address="1 High St, Łódź 🏬", colour="#112233")
    factories.segment("quiet-60", {"all": [{"event": "order", "count": {"gte": 1}}, {"segment": "locals"}]})
    factories.segment("locals", {"attribute": "city", "in": ["Leeds", "no", "09:00", "2026-12-01", "0123", ""]})
    factories.segment("staff", {"attribute": "email", "contains": "@acme"})
    factories.template("winback", preheader="Come back", text="Hello {{ customer.first_name | default('you') }}\n")
    factories.template("thanks", html="<h1>Thanks</h1>\n<p>A lot</p>\n<p>For all</p>\n")
    factories.campaign(
        "winback-60",
        name="Win back: after 60 quiet days",
        trigger={"kind": "schedule", "at": "2026-12-01T09:00:00"},
        audience={"include": {"segment": "quiet-60"}, "exclude": {"segment": "staff"}, "holdout": 0.05},
        steps=[
            {
                "key": "first",
                "channel": "email",
                "template": "winback",
                "variants": [
                    {"key": "a", "subject": "We miss you, {{ customer.first_name | default('you') }}"},
                    {"key": "b", "subject": "yes", "content": {"show": True, "number": 1, "price": 1.5, "at": "20:00"}},
                ],
            }
        ],
        timing={"window": ["09:00", "20:00"], "expire_after": "24h"},
    )
    factories.campaign("thank-you", steps=[{"key": "only", "channel": "email", "template": "thanks"}])


def config(*arguments: Any) -> tuple[int, str]:
    """What the command exits with and prints."""
    out = StringIO()
    try:
        call_command("config", *map(str, arguments), stdout=out)
    except SystemExit as stop:
        return int(stop.code or 0), out.getvalue()
    return 0, out.getvalue()


def refused(*arguments: Any) -> str:
    """What a command that fails prints."""
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("config", *map(str, arguments), stdout=out)
    return out.getvalue()


def exported(slug: str, to: Path) -> dict[str, bytes]:
    config("export", slug, "--out", to)
    return files(to)


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text, text
    file.write_text(text.replace(old, new))


def rows() -> list[Any]:
    """Every row of configuration with all its columns, and what was published."""
    return [list(model.objects.order_by("pk").values()) for model in (Brand, Segment, Template, Campaign)] + [
        list(Template.objects.order_by("key").values_list("versions", "live")),
        ConfigSnapshot.objects.count(),
    ]


# -- out and in again --------------------------------------------------------------------------------------------------
def test_export_reads_as_people_would_write_it(shop: Retailer, tmp_path: Path) -> None:
    found = exported("acme", tmp_path)
    assert list(found) == [
        "brand.yaml",
        "campaigns/thank-you.yaml",
        "campaigns/winback-60.yaml",
        "segments/locals.yaml",
        "segments/quiet-60.yaml",
        "segments/staff.yaml",
        "templates/hello.html",
        "templates/hello.yaml",
        "templates/thanks.html",
        "templates/thanks.yaml",
        "templates/winback.html",
        "templates/winback.txt",
        "templates/winback.yaml",
    ]
    assert found["campaigns/winback-60.yaml"].decode() == (
        """key: winback-60
name: 'Win back: after 60 quiet days'
trigger:
  kind: schedule
  at: 2026-12-01T09:00:00
audience:
  include:
    segment: quiet-60
  exclude:
    segment: staff
  holdout: 0.05
steps:
  - key: first
    channel: email
    template: winback
    variants:
      - key: a
        subject: We miss you, {{ customer.first_name | default('you') }}
      - key: b
        subject: 'yes'
        content:
          at: '20:00'
          number: 1
          price: 1.5
          show: true
timing:
  window:
    - '09:00'
    - '20:00'
  expire_after: 1d
"""
    )
    assert found["segments/quiet-60.yaml"].decode() == (
        """key: quiet-60
name: Quiet-60
rule:
  all:
    - event: order
      count:
        gte: 1
    - segment: locals
"""
    )
    assert "postal_address: 1 High St, Łódź 🏬\n" in found["brand.yaml"].decode()
    assert found["templates/winback.txt"] == b"Hello {{ customer.first_name | default('you') }}\n"
    assert all(content.endswith(b"\n") for content in found.values())


def test_what_was_exported_applies_as_no_change(shop: Retailer, tmp_path: Path) -> None:
    Template.objects.create(key="unfinished", name="Unfinished", html="")  # would be refused, but is left alone
    Segment.objects.create(key="Odd_Key", name="Odd", rule={"rule": "no more"})
    before = rows()
    exported("acme", tmp_path)
    assert config("plan", "acme", tmp_path) == (0, "acme: nothing to change.\n")
    assert config("apply", "acme", tmp_path) == (0, "acme: nothing to change.\n")
    assert rows() == before


def test_standard_reader_of_yaml_reads_the_same(shop: Retailer, tmp_path: Path) -> None:
    found = exported("acme", tmp_path)
    draft = Campaign.objects.get(key="winback-60").draft
    read = yaml.safe_load(found["campaigns/winback-60.yaml"])
    assert gate.dump(gate.parse_campaign(read)) == draft
    assert yaml.safe_load(found["segments/locals.yaml"])["rule"] == Segment.objects.get(key="locals").rule


def test_exported_configuration_makes_another_retailer_the_same(
    shop: Retailer, globex: Retailer, tmp_path: Path
) -> None:
    first = exported("acme", tmp_path / "acme")
    code, told = config("apply", "globex", tmp_path / "acme")
    assert code == 0
    assert "templates/winback: version 1 is live" in told
    assert "Campaigns were changed as drafts" in told
    assert exported("globex", tmp_path / "globex") == first
    with context.in_retailer(globex):
        assert {campaign.state for campaign in Campaign.objects.all()} == {"draft"}
        assert Campaign.objects.filter(live__isnull=False).count() == 0
        assert Template.objects.filter(live__isnull=True).count() == 0


def test_export_makes_the_folder_what_the_retailer_is(shop: Retailer, tmp_path: Path) -> None:
    exported("acme", tmp_path)
    (tmp_path / ".git").mkdir()
    for name in ("segments/gone.yaml", "templates/winback.txt"):
        (tmp_path / name).write_text("key: gone\n")
    config("export", "acme", "--out", tmp_path)
    assert not (tmp_path / "segments/gone.yaml").exists()
    assert config("plan", "acme", tmp_path)[0] == 0
    (tmp_path / "README.md").write_text("Mine")
    assert "README.md: this is no configuration" in refused("export", "acme", "--out", tmp_path)
    assert (tmp_path / "README.md").read_text() == "Mine"


def test_line_ends_are_no_change(shop: Retailer, tmp_path: Path) -> None:
    html = "<p>One</p>\r\n<p>Two</p>\r\n\r\n"
    factories.template("typed", html=html, text="no newline")
    found = exported("acme", tmp_path)
    assert found["templates/typed.html"] == b"<p>One</p>\n<p>Two</p>\n"
    assert found["templates/typed.txt"] == b"no newline\n"
    (tmp_path / "templates/typed.txt").write_bytes(b"\xef\xbb\xbfno newline\r\n")
    assert config("plan", "acme", tmp_path)[0] == 0
    edit(tmp_path / "templates/typed.yaml", "name: Typed", "name: Retyped")
    config("apply", "acme", tmp_path)
    assert Template.objects.values_list("name", "html", "text").get(key="typed") == ("Retyped", html, "no newline")


# -- what plans tell ---------------------------------------------------------------------------------------------------
def test_plan_tells_every_field_in_words_and_exits_2(shop: Retailer, tmp_path: Path) -> None:
    exported("acme", tmp_path)
    file = tmp_path / "campaigns/winback-60.yaml"
    edit(file, "template: winback", "template: thanks")
    edit(file, "holdout: 0.05", "holdout: 0.1")
    edit(file, "  expire_after: 1d\n", "")
    edit(file, "      - key: b\n", "      - key: c\n")
    edit(tmp_path / "templates/thanks.html", "A lot", "So much\x1b[2J")
    (tmp_path / "segments/vip.yaml").write_text("key: vip\nname: Very good\nrule: {sample: 0.1}\n")
    for name in ("winback.yaml", "winback.html", "winback.txt"):
        (tmp_path / "templates" / name).unlink()
    code, told = config("plan", "acme", tmp_path)
    assert code == 2
    assert told.splitlines() == [
        "  + segments/vip  Very good",
        "  ~ templates/thanks",
        "      html:",
        "        @@ -1,3 +1,3 @@",
        "         <h1>Thanks</h1>",
        "        -<p>A lot</p>",
        "        +<p>So much\\x1b[2J</p>",
        "         <p>For all</p>",
        "  - templates/winback  Winback",
        "  ~ campaigns/winback-60",
        "      audience.holdout: 0.05 -> 0.1",
        "      steps[first].template: winback -> thanks",
        '      steps[first].variants[b]: {"key": "b", "subject": "yes", "content": {"at": "20:00", "number": 1, '
        '"price": 1.5, "show": true}} -> (not set)',
        '      steps[first].variants[c]: (not set) -> {"key": "c", "subject": "yes", "content": {"at": "20:00", '
        '"number": 1, "price": 1.5, "show": true}}',
        "      timing.expire_after: 1d -> (not set)",
        "acme: 1 to create, 2 to change, 1 to delete.",
    ]


def test_plan_as_data_tells_whole_values_and_the_fingerprint(shop: Retailer, tmp_path: Path) -> None:
    exported("acme", tmp_path)
    edit(tmp_path / "segments/staff.yaml", "@acme", "@acme.example")
    code, told = config("plan", "acme", tmp_path, "--json")
    found = json.loads(told)
    assert code == 2
    assert found["retailer"] == "acme"
    assert found["summary"] == {"create": 0, "change": 1, "delete": 0}
    assert found["changes"] == [
        {
            "kind": "segments",
            "key": "staff",
            "action": "change",
            "name": "Staff",
            "fields": [{"path": "rule.contains", "before": "@acme", "after": "@acme.example"}],
        }
    ]
    assert found["fingerprint"] == documents.fingerprint(kinds.read())
    assert found["errors"] == []


def test_long_texts_are_told_where_they_differ() -> None:
    before = {"key": "a", "name": "x" * 300 + "one", "html": "".join(f"<p>{n}</p>\n" for n in range(100))}
    after = {"key": "a", "name": "x" * 300 + "two", "html": "".join(f"<b>{n}</b>\n" for n in range(100))}
    plan = planning.Plan({}, {}, tuple(diffing.changes({"templates": {"a": before}}, {"templates": {"a": after}})))
    told = list(telling.in_words(plan))
    assert f"name: …{'x' * 25}one -> …{'x' * 25}two" in told[1]
    assert told[-1] == "        ... 181 more lines"
    assert len(told) == 24


def test_order_of_steps_and_kinds_of_values_are_changes() -> None:
    before = {"steps": [{"key": "a", "n": 1}, {"key": "b"}], "on": True, "rule": {"all": [{"sample": 1.0}]}}
    after = {"steps": [{"key": "b"}, {"key": "a", "n": 1.0}], "on": 1, "rule": {"all": [{"sample": 1.0}, {"x": 1}]}}
    (change,) = diffing.changes({"campaigns": {"c": before}}, {"campaigns": {"c": after}})
    assert [(field.path, field.before, field.after) for field in change.fields] == [
        ("steps (order)", ["a", "b"], ["b", "a"]),
        ("steps[a].n", 1, 1.0),
        ("on", True, 1),
        ("rule.all[1]", None, {"x": 1}),
    ]


def test_what_a_draft_lacks_is_told_but_keeps_nothing_back(shop: Retailer, tmp_path: Path) -> None:
    exported("acme", tmp_path)
    configuration.publish(Campaign.objects.get(key="winback-60"), now=timezone.now())
    for name in ("campaigns/winback-60.yaml", "segments/quiet-60.yaml"):
        (tmp_path / name).unlink()
    edit(tmp_path / "campaigns/thank-you.yaml", "template: thanks", "template: thnaks")
    code, told = config("plan", "acme", tmp_path)
    assert code == 2
    assert told.splitlines()[-3:-1] == [
        "  ! campaigns/thank-you refers to the template 'thnaks', which does not exist",
        "  ! campaigns/winback-60 is scheduled: deleted, it will not be sent",
    ]


# -- changes -----------------------------------------------------------------------------------------------------------
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


# -- and back ----------------------------------------------------------------------------------------------------------
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


# -- what is refused ---------------------------------------------------------------------------------------------------
BOMB = "key: staff\na: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("segments/staff.yaml", "key: staff\nname: [", "line 3: this is no YAML: did not find expected node content"),
        ("segments/staff.yaml", "key: staff\n\tname: x", "line 2: this is no YAML"),
        ("segments/staff.yaml", "key: staff\nname:\t\n\t- x", "with spaces, not tabs"),
        ("segments/staff.yaml", "", "the file is empty"),
        ("segments/staff.yaml", "# nothing but a comment\n", "the file is empty"),
        ("segments/staff.yaml", "- staff", "a segment is a mapping"),
        ("segments/staff.yaml", "key: staff\n---\nkey: other", "line 2: a file holds one document"),
        ("segments/staff.yaml", "key: staff\nname: a\nname: b", "line 3: 'name' is there twice, first in line 2"),
        ("segments/staff.yaml", BOMB, "line 2: anchors and aliases (a) are not read: write the value out"),
        ("segments/staff.yaml", "key: staff\nx: *y", "line 2: anchors and aliases (y)"),
        ("segments/staff.yaml", "key: !!python/name:os.system x", "tags such as"),
        ("segments/staff.yaml", "key: staff\n? [a]\n: b", "line 2: the name of a field is text"),
        ("segments/staff.yaml", "key: staff\n1: x", "line 2: the name of a field is text: put '1' in quotes"),
        ("segments/staff.yaml", "key: staff\ntrue: x", "put 'true' in quotes"),
        ("segments/staff.yaml", 'key: staff\nname: "\\ud800"', "invalid Unicode character"),
        ("segments/staff.yaml", 'key: staff\nname: "a\\0b"', "line 2: text contains a NUL"),
        ("segments/staff.yaml", "key: staff\nname: a\x07b", "this is no YAML"),
        ("segments/staff.yaml", "key: staff\nrule: " + "[" * 100_000, "nested deeper than 100 levels"),
        ("segments/staff.yaml", "key: staff\nrule: {sample: .nan}", "line 2: numbers are finite: put '.nan' in quotes"),
        ("segments/staff.yaml", "key: staff\nrule: {sample: -.inf}", "numbers are finite"),
        ("segments/staff.yaml", "key: staff\nrule: {sample: 1e999}", "a number is too large"),
        ("segments/staff.yaml", f"key: staff\nrule: {{sample: {'9' * 5000}}}", "a number is too large"),
        ("segments/staff.yaml", "key: stuff\n", "line 1: its key is 'stuff' and its file is called 'staff'"),
        ("segments/staff.yaml", "name: x\n", "its key is None and its file is called 'staff'"),
        ("segments/staff.yaml", "key: staff\nrule: {sample: 0.1}\n", "name: This field cannot be blank."),
        ("segments/staff.yaml", "key: staff\nname: x\n", "line 1: rule: a rule begins with exactly one of"),
        (
            "segments/staff.yaml",
            "key: staff\nname: 2026\nrule: {sample: 1}",
            "line 2: name: text is expected: put 2026",
        ),
        (
            "segments/staff.yaml",
            "key: staff\nname: x\nlabel: y\nrule: {sample: 1}",
            "line 3: label: this field is unkn",
        ),
        (
            "segments/staff.yaml",
            "key: staff\nname: x\nrule:\n  all:\n    - attribute: city\n      eg: x\n",
            "line 6: rule.all.0.eg: this field is unknown here",
        ),
        (
            "segments/staff.yaml",
            "key: staff\nname: x\nrule: {segment: locls}",
            "rule.segment: there is no segment 'locls'; known: locals, quiet-60, staff",
        ),
        ("segments/locals.yaml", "key: locals\nname: x\nrule: {segment: quiet-60}", "refer to each other in a circle"),
        ("segments/Staff.yaml", "key: Staff\nname: x\nrule: {sample: 1}", "'Staff' cannot be referred to: write a key"),
        ("segments/staff.yml", "key: staff", "segments/staff.yml: this is no segment: here may be KEY.yaml, where"),
        ("segments/staff.yaml.orig", "key: staff", "this is no segment"),
        ("segments/old/staff.yaml", "key: staff", "segments/old: this is no segment"),
        ("templates/winback.mjml", "<mjml>", "this is no template: here may be KEY.yaml, KEY.html, KEY.txt"),
        ("templates/new.html", "<p>", "templates/new.html: there is no templates/new.yaml beside it"),
        (
            "segment/staff.yaml",
            "key: staff",
            "segment: this is no configuration: a folder of configuration holds brand.",
        ),
        ("templates/winback.yaml", "key: winback\nname: W\nhtml: <p>x</p>\n", "move it to templates/winback.html"),
        (
            "templates/winback.yaml",
            "key: winback\nname: W\nchannel: pigeon\n",
            "channel: Value 'pigeon' is not a valid",
        ),
        ("templates/winback.html", "<p>\n{{ customer.frist }}", "winback.html: line 2: customer.frist is unknown"),
        ("templates/winback.html", "", "templates/winback.html: This field cannot be blank."),
        ("templates/winback.html", "<p>" + "x" * 300_000, "templates/winback.html: larger than 256 KB"),
        ("templates/winback.txt", "x" * 1_100_000, "templates/winback.txt: larger than 1024 KB"),
        ("brand.yaml", "name: Acme\nfrom_name: Acme\nfrom_email: acme", "line 3: from_email: Enter a valid email"),
        ("brand.yaml", "name: A\nfrom_name: A\nfrom_email: a@b.example\ncolour: red", "line 4: colour: Write a colour"),
        ("campaigns/thank-you.yaml", "key: thank-you\nname: T", "line 1: trigger: this field is required"),
        ("campaigns/thank-you.yaml", "key: thank-you\nname: 7", "line 2: name: Input should be a valid string: put it"),
    ],
)
def test_what_cannot_be_is_refused_with_file_line_and_cure(
    shop: Retailer, tmp_path: Path, name: str, text: str, words: str
) -> None:
    exported("acme", tmp_path)
    before = rows()
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    told = refused("plan", "acme", tmp_path)
    assert words in told
    assert words in refused("apply", "acme", tmp_path)
    assert rows() == before


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_another_encoding_is_refused_with_its_line(shop: Retailer, tmp_path: Path, encoding: str) -> None:
    exported("acme", tmp_path)
    (tmp_path / "segments/staff.yaml").write_bytes("key: staff\nname: Größe\n".encode(encoding))
    assert "not UTF-8: save the file in that encoding" in refused("plan", "acme", tmp_path)


def test_faults_of_all_files_are_told_at_once(shop: Retailer, tmp_path: Path) -> None:
    exported("acme", tmp_path)
    edit(tmp_path / "segments/quiet-60.yaml", "all:", "al:")
    edit(tmp_path / "segments/locals.yaml", "key: locals", "key: [")
    edit(tmp_path / "campaigns/winback-60.yaml", "holdout: 0.05", "holdout: 5")
    edit(tmp_path / "campaigns/winback-60.yaml", "channel: email", "channel: pigeon")
    edit(tmp_path / "templates/thanks.html", "Thanks", "{{ nobody.name }}")
    edit(tmp_path / "brand.yaml", "#112233", "#12")
    found = json.loads(refused("plan", "acme", tmp_path, "--json"))["errors"]
    assert [(fault["file"], fault["line"], fault["field"]) for fault in found] == [
        ("brand.yaml", 4, "colour"),
        ("campaigns/winback-60.yaml", 11, "audience.holdout"),
        ("campaigns/winback-60.yaml", 14, "steps.0.channel"),
        ("segments/locals.yaml", 3, ""),
        ("segments/quiet-60.yaml", 3, "rule"),
        ("templates/thanks.html", None, ""),
    ]


def test_links_out_of_the_folder_are_refused(shop: Retailer, tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    exported("acme", inside)
    exported("acme", outside)
    (inside / "segments/staff.yaml").unlink()
    os.symlink(outside / "segments/staff.yaml", inside / "segments/staff.yaml")
    assert "segments/staff.yaml: this link leads out of the folder" in refused("plan", "acme", inside)
    (inside / "segments/staff.yaml").unlink()
    os.symlink("staff.yaml", inside / "segments/staff.yaml")
    assert "segments/staff.yaml: this is not a file" in refused("plan", "acme", inside)
    (inside / "segments/staff.yaml").unlink()
    (outside / "segments/staff.yaml").rename(inside / "staff")
    os.symlink("../staff", inside / "segments/staff.yaml")
    assert refused("plan", "acme", inside).splitlines()[0].startswith("  staff: this is no configuration")
    (inside / "staff").rename(inside / ".staff")
    (inside / "segments/staff.yaml").unlink()
    os.symlink("../.staff", inside / "segments/staff.yaml")
    assert config("plan", "acme", inside)[0] == 0


def test_wrong_folder_deletes_nothing(shop: Retailer, tmp_path: Path) -> None:
    assert "there is no such folder" in refused("apply", "acme", tmp_path / "nowhere")
    assert "there is no configuration here" in refused("apply", "acme", tmp_path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["plan", "nobody", "."], "There is no retailer 'nobody'"),
        (["plan", "."], "Name one retailer by its slug, or give --group G, or --all"),
        (["plan", "acme", ".", "--all"], "Name one retailer"),
        (["plan", "--group", "none", "."], "There is no group 'none'"),
        (["apply", "--all", ".", "--expect", "x"], "--expect and --to belong to one retailer"),
        (["rollback", "--all", "--to", "1"], "--expect and --to belong to one retailer"),
        (["rollback", "--all"], "Nothing was changed yet"),
        (["rollback", "acme", "--since", "2026-12-01"], "write an instant with its offset"),
        ([], "Say what to do"),
    ],
)
def test_mistaken_command_is_refused(acme: Retailer, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("config", *arguments)


@pytest.mark.parametrize("arguments", [["acme", "dir", "--unknown"], ["acme", "dir", "more"], [], ["--group"]])
def test_mistake_on_the_command_line_does_not_look_like_changes(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        Command().run_from_argv(["manage.py", "config", "plan", *arguments])
    assert stop.value.code == 1


def test_options_stand_anywhere(shop: Retailer, tmp_path: Path) -> None:
    exported("acme", tmp_path)
    assert json.loads(config("plan", "acme", "--json", tmp_path)[1])["changes"] == []


# -- many retailers ----------------------------------------------------------------------------------------------------
def test_one_retailer_that_fails_keeps_no_other_from_changing(
    live_retailer: Retailer, shop: Retailer, globex: Retailer, tmp_path: Path
) -> None:
    with context.in_retailer(live_retailer):  # its campaign has a run, and the folder leaves it out
        configuration.launch(factories.campaign("old"), by="test", now=timezone.now())
        before = kinds.read()
    shared = tmp_path / "shared"
    exported("acme", shared)
    (shared / "brand.yaml").unlink()
    code, told = config("export", "--all", "--out", tmp_path / "each")
    assert (code, sorted(path.name for path in (tmp_path / "each").iterdir())) == (0, ["acme", "globex", "initech"])
    assert config("plan", "--all", tmp_path / "each")[0] == 0

    told = refused("apply", "--all", shared)
    assert told.splitlines()[0] == "acme: nothing to change."
    assert "globex: 8 created, 0 changed, 0 deleted." in told
    assert told.splitlines()[-3:-1] == [
        "  campaigns/old.yaml: is not here, and the campaign cannot be deleted: it has runs, whose history is kept: "
        "keep the file",
        "initech: failed.",
    ]
    with context.in_retailer(live_retailer):
        assert kinds.read() == before
        assert ConfigSnapshot.objects.count() == 0
    with context.in_retailer(globex):
        assert Brand.objects.get().name == "Globex Outdoor"
        assert Campaign.objects.count() == 2

    (tmp_path / "each" / "initech").rename(shared / "initech")
    assert config("apply", "--all", shared)[0] == 0
    assert config("plan", "--all", shared)[0] == 0
    found = json.loads(config("plan", "--all", shared, "--json")[1])["retailers"]
    assert [(one["retailer"], one["summary"]["create"]) for one in found] == [
        ("acme", 0),
        ("globex", 0),
        ("initech", 0),
    ]


def test_group_is_changed_and_nobody_else(shop: Retailer, globex: Retailer, tmp_path: Path) -> None:
    Retailer.objects.filter(pk=globex.pk).update(group=Group.objects.create(key="outdoor", name="Outdoor"))
    exported("acme", tmp_path)
    (tmp_path / "brand.yaml").unlink()
    (tmp_path / "acme").mkdir()  # somebody else's folder is no fault
    edit(tmp_path / "segments/staff.yaml", "@acme", "@globex")
    assert config("apply", "--group", "outdoor", tmp_path)[0] == 0
    assert Segment.objects.get(key="staff").rule["contains"] == "@acme"
    with context.in_retailer(globex):
        assert Segment.objects.get(key="staff").rule["contains"] == "@globex"
    assert config("rollback", "--group", "outdoor")[0] == 0
    with context.in_retailer(globex):
        assert Segment.objects.count() == 0


def test_many_are_rolled_back_by_one_change_and_no_further(shop: Retailer, globex: Retailer, tmp_path: Path) -> None:
    exported("acme", tmp_path)
    (tmp_path / "brand.yaml").unlink()
    edit(tmp_path / "segments/staff.yaml", "@acme", "@acme.example")
    config("apply", "acme", tmp_path)  # a change of its own, which the next one does not touch
    before = kinds.read()
    undo = config("apply", "--all", tmp_path)[1].splitlines()[-1].removeprefix("Undo it with: config ").split()
    code, told = config("rollback", "--all")
    assert code == 0
    assert told.splitlines()[0] == "acme: nothing was changed since."
    assert kinds.read() == before
    with context.in_retailer(globex):
        assert Segment.objects.count() == 0
    config("apply", "--all", tmp_path)
    edit(tmp_path / "segments/staff.yaml", "Staff", "Colleagues")
    config("apply", "acme", tmp_path)
    assert undo[:3] == ["rollback", "--all", "--since"]
    assert config(*undo)[0] == 0
    assert kinds.read() == before
    with context.in_retailer(globex):
        assert Segment.objects.count() == 0


# -- anything there is -------------------------------------------------------------------------------------------------
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
TRAPS = st.sampled_from(
    [
        *("yes", "no", "on", "off", "y", "null", "~", "", " ", "09:00", "20:00", "1:20:30", "2026-12-01", "0123"),
        *("0x1f", "1_000", "1e5", "1.", ".5", "+1", "-0", ".inf", ".nan", "2026-12-01T09:00:00", "2026-99-99T99:99:99"),
        *("<<", "=", "# no", "a: b", "- a", "{a}", "[a", "*a", "&a", "!a", "%a", "@a", "`a", "|", ">", "'", '"', "---"),
        *(
            "...",
            "a\n",
            "\n",
            " a\n b",
            "a\r\nb",
            "a\tb",
            "\ta",
            "tail ",
            "\u2028",
            "\x85",
            "\ufeff",
            "\x7f",
            "🦄",
            "é",
        ),
    ]
)
STRINGS = TEXT | TRAPS
NUMBERS = st.integers(-(2**63), 2**63) | st.floats(-(2.0**62), 2.0**62)
SCALARS = STRINGS | NUMBERS | st.booleans() | st.none()
DATA = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(STRINGS, inner, max_size=4), max_leaves=20
)


@given(st.dictionaries(STRINGS, DATA, max_size=5))
@settings(max_examples=150, deadline=None)
def test_anything_written_as_yaml_reads_back_as_it_was(data: dict[str, Any]) -> None:
    text = plain_yaml.written(data)
    assert diffing.is_same(plain_yaml.read(text).data, data)
    assert text.endswith("\n")


KEYS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)
VALUES = STRINGS.filter(lambda text: len(text) <= 40) | NUMBERS | st.booleans()
WITHIN = st.sampled_from(["30m", "24h", "7d", "168h", "8w"])
LEAVES: Any = st.one_of(
    st.builds(lambda value: {"attribute": "city", "eq": value}, VALUES),
    st.builds(lambda values: {"attribute": "tier", "in": values}, st.lists(VALUES, min_size=1, max_size=4)),
    st.builds(
        lambda number, within: {"event": "order", "count": {"gte": number}, "within": within},
        st.integers(0, 99) | st.floats(0, 1e18),
        WITHIN,
    ),
    st.builds(lambda share: {"sample": share}, st.floats(0, 1) | st.just(-0.0)),
    st.builds(lambda at: {"event": "view", "since": at.isoformat()}, st.datetimes()),
)
RULES: Any = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda rules: {"all": rules}, st.lists(inner, max_size=3)),
        st.builds(lambda rules: {"any": rules}, st.lists(inner, max_size=3)),
        st.builds(lambda rule: {"not": rule}, inner),
    ),
    max_leaves=8,
)
VARIANTS: Any = st.lists(
    st.fixed_dictionaries(
        {"key": KEYS},
        optional={"subject": STRINGS.filter(bool), "content": st.dictionaries(KEYS, VALUES, max_size=4)},
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda variant: variant["key"],
)
CAMPAIGNS: Any = st.fixed_dictionaries(
    {
        "key": KEYS,
        "name": STRINGS.filter(lambda text: bool(text.strip())),
        "trigger": st.just({"kind": "api"})
        | st.builds(lambda at: {"kind": "schedule", "at": at.isoformat()}, st.datetimes()),
        "audience": st.fixed_dictionaries({"include": RULES}, optional={"exclude": RULES, "holdout": st.floats(0, 1)}),
        "steps": st.lists(
            st.fixed_dictionaries(
                {"key": KEYS, "channel": st.sampled_from(["email", "sms"]), "template": KEYS},
                optional={"variants": VARIANTS, "when": st.dictionaries(STRINGS, DATA, max_size=2)},
            ),
            min_size=1,
            max_size=3,
            unique_by=lambda step: step["key"],
        ),
    },
    optional={
        "timing": st.fixed_dictionaries({"window": st.just(["09:00", "20:00"])}, optional={"expire_after": WITHIN}),
        "goal": st.fixed_dictionaries({"event": STRINGS.filter(bool), "within": WITHIN}),
    },
)


def accepted(save: Callable[[], object]) -> bool:
    """False where the door that owns it refuses it: what never comes in need not go out."""
    try:
        with transaction.atomic():
            save()
    except Invalid:
        return False
    return True


@given(
    st.lists(CAMPAIGNS, max_size=2, unique_by=lambda config: config["key"]),
    st.dictionaries(KEYS, RULES, max_size=3),
    st.dictionaries(KEYS, st.tuples(TEXT, STRINGS, STRINGS), max_size=2),
    STRINGS.filter(lambda text: len(text) <= 40),
)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_a_retailer_has_goes_out_and_comes_in_as_it_was(
    acme: Retailer,
    globex: Retailer,
    tmp_path_factory: pytest.TempPathFactory,
    campaigns: list[dict[str, Any]],
    segments: dict[str, Any],
    templates: dict[str, tuple[str, str, str]],
    address: str,
) -> None:
    root, now = tmp_path_factory.mktemp("any"), timezone.now()
    with transaction.atomic():
        with context.in_retailer(acme):
            Brand.objects.filter(pk=content.brand().pk).update(postal_address=address)
            for key, rule in segments.items():
                accepted(
                    lambda key=key, rule=rule: editing.save_segment(Segment(key=key, name=key, rule=rule), now=now)
                )
            for key, (html, text, subject) in templates.items():
                row = Template(key=key, name=key, html=f"<p>{html}", text=text, subject=subject)
                accepted(lambda row=row: editing.save_template(row))
            for data in campaigns:
                accepted(lambda data=data: configuration.save_draft(data))
            folder.write(root, kinds.read())
            before = rows()
            assert applying.apply(folder.read(root), REASON).plan.changes == ()
            assert rows() == before
        with context.in_retailer(globex):
            applying.apply(folder.read(root), REASON)
            assert dict(folder.rendered(kinds.read())) == files(root)
        transaction.set_rollback(True)


def test_large_retailer_is_planned_and_changed_in_seconds(at_acme: Retailer, tmp_path: Path) -> None:
    folder.write(tmp_path, large_configuration(campaigns=200, segments=100, templates=50))
    began = time.monotonic()
    assert "350 created, 0 changed, 0 deleted" in config("apply", "acme", tmp_path)[1]
    first = exported("acme", tmp_path)
    assert len(first) == 1 + 200 + 100 + 3 * 50
    assert config("plan", "acme", tmp_path)[0] == 0
    for number in range(20):
        edit(tmp_path / f"campaigns/campaign-{number}.yaml", "holdout: 0.05", "holdout: 0.1")
    assert "20 changed" in config("apply", "acme", tmp_path)[1]
    assert config("rollback", "acme")[0] == 0
    assert exported("acme", tmp_path) == first
    assert config("rollback", "acme", "--to", 1)[0] == 0
    assert (Campaign.objects.count(), Segment.objects.count(), Template.objects.count()) == (0, 0, 0)
    assert time.monotonic() - began < 15


def large_configuration(*, campaigns: int, segments: int, templates: int) -> documents.Configuration:
    body = "".join(
        f"<p>Line {number} for {{{{ customer.first_name | default('you') }}}}</p>\n" for number in range(200)
    )
    return {
        "brand": kinds.read()["brand"],
        "segments": {
            f"segment-{n}": {
                "key": f"segment-{n}",
                "name": f"Segment {n}",
                "rule": {"all": [{"attribute": "city", "eq": f"City {n}"}, {"event": "order", "within": "30d"}]},
            }
            for n in range(segments)
        },
        "templates": {
            f"template-{n}": {
                "key": f"template-{n}",
                "name": f"Template {n}",
                "channel": "email",
                "subject": f"Number {n}",
                "html": f"<h1>{n}</h1>\n{body}",
                "text": f"Number {n}\n",
            }
            for n in range(templates)
        },
        "campaigns": {
            f"campaign-{n}": factories.config(
                f"campaign-{n}",
                audience={"include": {"segment": f"segment-{n % segments}"}, "holdout": 0.05},
                steps=[{"key": "first", "channel": "email", "template": f"template-{n % templates}"}],
            )
            for n in range(campaigns)
        },
    }
