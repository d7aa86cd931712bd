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
from campaigns.ascode import applying, documents, folder, kinds, plain_yaml, planning
from campaigns.config import gate
from campaigns.config.gate import Invalid
from campaigns.management.commands.config import Command
from campaigns.models import Brand, Campaign, ConfigSnapshot, Segment, Template
from tenants import context
from tenants.models import Group, Retailer
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
    factories.template("thanks")
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


# -- what plans tell -----------------------------------------------------------------------------------------------------
def test_plan_tells_every_field_in_words_and_exits_2(shop: Retailer, tmp_path: Path) -> None:
    exported("acme", tmp_path)
    file = tmp_path / "campaigns/winback-60.yaml"
    edit(file, "template: winback", "template: thanks")
    edit(file, "holdout: 0.05", "holdout: 0.1")
    edit(file, "  expire_after: 1d\n", "")
    edit(file, "      - key: b\n", "      - key: c\n")
    edit(tmp_path / "templates/thanks.html", "<p>Dear", "<h1>Thanks</h1>\n<p>Dear")
    (tmp_path / "segments/vip.yaml").write_text("key: vip\nname: Very good\nrule: {sample: 0.1}\n")
    (tmp_path / "templates/winback.yaml").unlink()
    (tmp_path / "templates/winback.html").unlink()
    (tmp_path / "templates/winback.txt").unlink()
    code, told = config("plan", "acme", tmp_path)
    assert code == 2
    assert told.splitlines() == [
        "  + segments/vip  Very good",
        "  ~ templates/thanks",
        "      html:",
        "        @@ -1 +1,2 @@",
        '        -<html><body><p>Dear {{ customer.first_name | default(\'friend\') }} of {{ brand.name }}</p><a href="{…',
        "        +<html><body><h1>Thanks</h1>",
        '        +<p>Dear {{ customer.first_name | default(\'friend\') }} of {{ brand.name }}</p><a href="{{ unsubscri…',
        "  - templates/winback  Winback",
        "  ~ campaigns/winback-60",
        "      audience.holdout: 0.05 -> 0.1",
        "      steps[first].template: winback -> thanks",
        '      steps[first].variants[b]: {"key": "b", "subject": "yes", "content": {"at": "20:00", "number": 1, '
        '"price": 1.5, "show": …',
        '      steps[first].variants[c]: (not set) -> {"key": "c"}',
        "acme: 1 to create, 2 to change, 1 to delete.",
    ]
