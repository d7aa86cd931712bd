"""Folders out, and in again as no change."""

from __future__ import annotations

from pathlib import Path

import yaml

from campaigns.config import gate
from campaigns.models import Campaign, Segment, Template
from tenants import context
from tenants.models import Retailer
from tests import factories
from tests.campaigns.ascode.shops import config, edit, exported, refused, rows


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
