"""Many retailers at once."""

from __future__ import annotations

import json
from pathlib import Path

from django.utils import timezone

from campaigns import configuration
from campaigns.ascode import kinds
from campaigns.models import Brand, Campaign, ConfigSnapshot, Segment
from tenants import context
from tenants.models import Group, Retailer
from tests import factories
from tests.campaigns.ascode.shops import config, edit, exported, refused


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
