"""Policy from a terminal."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from campaigns import policies
from tenants import context
from tenants.accounts.models import AuditEntry
from tenants.models import Group, Layer, Retailer
from tests.campaigns.test_blast import live


def policy(*arguments: Any) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("policy", *map(str, arguments), stdout=out)
    except SystemExit as stop:
        return int(stop.code or 0), out.getvalue()
    return 0, out.getvalue()


def refused(*arguments: Any) -> str:
    out = StringIO()
    with pytest.raises(CommandError) as problem:
        call_command("policy", *map(str, arguments), stdout=out)
    return out.getvalue() + str(problem.value)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "policy.yaml"
    made.write_text("policy:\n  min_holdout: 0.1\ndefaults:\n  topic: news\n")
    return made


def test_plan_tells_bounds_and_blast_radius_and_exits_2(acme: Retailer, globex: Retailer, file: Path) -> None:
    live(acme, "one")
    assert policy("plan", file, "--platform") == (
        2,
        "  ~ policy\n      min_holdout: (not set) -> at least 10 %\n"
        "  ~ defaults\n      topic: (not set) -> news\n"
        "  stops acme/one (scheduled): audience.holdout: hold back at least 10 % (0.1) to measure what it does\n"
        "the platform: 0 to create, 2 to change, 0 to delete; 1 live campaigns would stop and 0 change, "
        "of 1 retailers.\n",
    )
    assert not Layer.objects.exists()
    code, told = policy("plan", file, "globex", "--json")
    assert (code, json.loads(told)["live_campaigns"]) == (2, [])
    assert policies.layer_of(globex).number == 0


def test_apply_saves_once_with_its_reason_and_plan_is_empty_afterwards(acme: Retailer, file: Path) -> None:
    assert "Saved: acme has number 1 now." in policy("apply", file, "acme", "--reason", "the board says so")[1]
    with context.in_retailer(acme):
        assert AuditEntry.objects.get(kind="policy").reason == "the board says so"
    assert policy("plan", file, "acme") == (0, "acme: nothing to change.\n")
    assert policy("apply", file, "acme") == (0, "acme: nothing to change.\n")
    assert policies.layer_of(acme).number == 1
    file.write_text("defaults: {}\n")
    policy("apply", file, "acme")
    layer = policies.layer_of(acme)
    assert (layer.policy, layer.defaults, layer.number) == ({"min_holdout": 0.1}, {}, 2)


def test_show_tells_who_bounds_what(acme: Retailer, file: Path) -> None:
    group = Group.objects.create(key="grocers", name="Grocers")
    Retailer.objects.filter(pk=acme.pk).update(group=group)
    policies.save(None, policy={"max_per_day": 500})
    policies.save(group, policy={"max_per_day": 100})
    policies.save(context.find("acme"), policy={"approval": True})
    assert policy("show", "acme")[1].splitlines() == [
        "In force for acme:",
        "  max_per_day: at most 100 a day  [platform: at most 500 a day, group grocers: at most 100 a day]",
        "  approval: an approver must agree  [retailer: an approver must agree]",
        "Its own, number 1:",
        '  policy: {"approval": true}',
        "  defaults: {}",
    ]
    found = json.loads(policy("show", "--group", "grocers", "--json")[1])
    assert (found["in_force"], found["own"]["number"]) == ({"max_per_day": 100}, 1)
    assert json.loads(policy("show", "--platform", "--json")[1])["in_force"] == {"max_per_day": 500}


def test_what_cannot_be_is_refused_with_line_and_cure(acme: Retailer, file: Path) -> None:
    policies.save(None, policy={"min_holdout": 0.2})
    assert "policy.yaml, line 2: policy.min_holdout: looser than what stands above it" in refused("plan", file, "acme")
    file.write_text("policy:\n  min_holdout: 0.3\n  max_discuont: 10\n")
    assert "line 3: policy.max_discuont: this field is unknown here" in refused("apply", file, "acme")
    file.write_text("defaults:\n  timing:\n    mode: soon\n")
    assert "line 3: defaults.timing.mode" in refused("apply", file, "acme")
    file.write_text("min_holdout: 0.3\n")
    assert "'min_holdout' is unknown here: write sections policy: and defaults:" in refused("apply", file, "acme")
    assert "cannot be read" in refused("apply", file.parent / "nowhere.yaml", "acme")
    assert "Name one owner" in refused("show")
    assert "There is no group 'x'" in refused("show", "--group", "x")
    assert not Layer.objects.exclude(retailer=None).exists()


def test_layer_that_somebody_else_changed_is_not_overwritten(acme: Retailer, file: Path) -> None:
    policies.save(acme, policy={"approval": True})
    assert "It has number 1 now" in refused("apply", file, "acme", "--expect", 0)
    assert policies.layer_of(acme).policy == {"approval": True}
    assert policy("apply", file, "acme", "--expect", 1)[0] == 0
