"""Policy and defaults as files."""

from __future__ import annotations

from pathlib import Path

from django.utils import timezone

from campaigns import blueprinting, blueprints, configuration, policies, resolution
from campaigns.ascode import kinds
from campaigns.models import Campaign, Segment
from tenants.models import Group, Layer, Retailer
from tests import factories
from tests.campaigns.ascode.shops import config, edit, exported, files, refused, rows

POLICY = "quiet_hours:\n  - ['21:00', '07:00']\nmin_holdout: 0.01\n"


def test_what_a_retailer_says_goes_out_and_comes_back(shop: Retailer, tmp_path: Path) -> None:
    assert not {"policy.yaml", "defaults.yaml"} & exported("acme", tmp_path).keys()
    policies.save(shop, policy={"quiet_hours": [["21:00", "07:00"]], "per_customer": [{"messages": 3, "per": "7d"}]})
    policies.save(shop, defaults={"audience": {"holdout": 0.1, "exclude": {"event": "order", "count": {"gte": 2}}}})
    first = exported("acme", tmp_path)
    assert first["policy.yaml"] == (
        b"per_customer:\n  - messages: 3\n    per: 1w\nquiet_hours:\n  - - '21:00'\n    - '07:00'\n"
    )
    assert config("plan", "acme", tmp_path)[0] == 0
    before = rows()
    assert "nothing to change" in config("apply", "acme", tmp_path)[1]
    assert rows() == before


def test_change_of_policy_and_defaults_is_applied_and_rolled_back(shop: Retailer, tmp_path: Path) -> None:
    first = exported("acme", tmp_path)
    campaign = tmp_path / "campaigns/thank-you.yaml"
    edit(campaign, "  include:", "  holdout: 0.05\n  include:")
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "defaults.yaml").write_text("topic: news\n")
    code, told = config("plan", "acme", tmp_path)
    assert code == 2
    assert told.splitlines()[:6] == [
        "  ~ policy",
        '      quiet_hours: (not set) -> [["21:00", "07:00"]]',
        "      min_holdout: (not set) -> 0.01",
        "  ~ defaults",
        "      topic: (not set) -> news",
        "  ~ campaigns/thank-you",
    ]
    assert config("apply", "acme", tmp_path)[0] == 0
    assert policies.effective(shop).min_holdout == 0.01
    assert policies.layer_of(shop).defaults == {"topic": "news"}
    for name in ("policy.yaml", "defaults.yaml"):  # left out, each stays
        (tmp_path / name).unlink()
    assert config("plan", "acme", tmp_path)[0] == 0
    assert config("rollback", "acme")[0] == 0
    assert policies.layer_of(shop).policy == {}
    assert exported("acme", tmp_path) == first


def test_empty_file_takes_back_what_was_said(shop: Retailer, tmp_path: Path) -> None:
    policies.save(shop, policy={"approval": True})
    exported("acme", tmp_path)
    (tmp_path / "policy.yaml").write_text("{}\n")
    assert config("apply", "acme", tmp_path)[0] == 0
    assert not policies.effective(shop).approval
    assert "policy.yaml" not in exported("acme", tmp_path)
    assert config("rollback", "acme")[0] == 0
    assert files(tmp_path).keys() < exported("acme", tmp_path).keys()


def test_policy_that_loosens_and_what_it_forbids_are_refused_at_once(shop: Retailer, tmp_path: Path) -> None:
    policies.save(None, policy={"min_holdout": 0.05})
    exported("acme", tmp_path)
    (tmp_path / "policy.yaml").write_text("min_holdout: 0.01\n")
    assert "policy.yaml, line 1: min_holdout: looser than what stands above it" in refused("plan", "acme", tmp_path)
    (tmp_path / "policy.yaml").write_text(
        "sender_domains: [shop.example]\nmin_holdout: 0.1\nfooter: [preferences_url]\nmax_holdout: 1\n"
    )
    assert "policy.yaml, line 4: max_holdout: this field is unknown" in refused("plan", "acme", tmp_path)
    edit(tmp_path / "policy.yaml", "max_holdout: 1\n", "")
    edit(tmp_path / "campaigns/winback-60.yaml", "Win back", "Bring back")
    edit(tmp_path / "brand.yaml", "Acme Foods", "Acme Food")
    edit(tmp_path / "templates/thanks.html", "A lot", "Much")
    before = rows()
    for action in ("plan", "apply"):
        told = refused(action, "acme", tmp_path)
        assert "brand.yaml, line 3: from_email: mail may not be sent from acme.example; allowed: shop.example" in told
        assert "winback-60.yaml, line 11: audience.holdout: hold back at least 10 % (0.1) to measure" in told
        assert "thanks.html: the policy asks for {{ preferences_url }} in every message: put it into the footer" in told
        assert len(told.splitlines()) == 4
    assert rows() == before


def test_draft_is_judged_with_the_defaults_and_policy_beside_it(shop: Retailer, tmp_path: Path) -> None:
    """The campaign says nothing of its holdout: the defaults of the same folder give it what the policy asks for."""
    exported("acme", tmp_path)
    edit(tmp_path / "campaigns/winback-60.yaml", "  holdout: 0.05\n", "")
    (tmp_path / "policy.yaml").write_text("min_holdout: 0.1\n")
    assert "winback-60.yaml" in refused("plan", "acme", tmp_path)
    (tmp_path / "defaults.yaml").write_text("audience:\n  holdout: 0.2\n")
    assert config("apply", "acme", tmp_path)[0] == 0
    assert "holdout" not in Campaign.objects.get(key="winback-60").draft["audience"]
    assert config("plan", "acme", tmp_path)[0] == 0


def test_plan_tells_what_a_policy_does_to_campaigns_that_stay(shop: Retailer, tmp_path: Path) -> None:
    nine = {"kind": "recurring", "rrule": "FREQ=DAILY;BYHOUR=9", "starts": "2026-01-01T09:00:00"}
    configuration.publish(factories.campaign("daily", trigger=nine), now=timezone.now())
    exported("acme", tmp_path)
    (tmp_path / "policy.yaml").write_text("quiet_hours:\n  - ['08:00', '10:00']\n")
    told = config("plan", "acme", tmp_path)[1].splitlines()
    assert [line for line in told if line.startswith("  !")] == [
        "  ! policy stops the live campaign 'daily': trigger.rrule: 09:00 is in the quiet hours (08:00 to 10:00): "
        "choose another time",
        "  ! policy keeps campaigns/daily from being published as it is: trigger.rrule: 09:00 is in the quiet hours "
        "(08:00 to 10:00): choose another time",
        "  ! policy keeps campaigns/winback-60 from being published as it is: trigger.at: 09:00 is in the quiet hours "
        "(08:00 to 10:00): choose another time",
    ]
    assert config("apply", "acme", tmp_path)[0] == 0
    assert config("plan", "acme", tmp_path)[0] == 0


def test_segment_that_the_defaults_leave_out_stays(shop: Retailer, tmp_path: Path) -> None:
    factories.segment("complained", {"sample": 0.1})
    policies.save(shop, defaults={"audience": {"exclude": {"segment": "complained"}}})
    exported("acme", tmp_path)
    (tmp_path / "segments/complained.yaml").unlink()
    assert "it is in use by the defaults, campaign thank-you" in refused("plan", "acme", tmp_path)
    (tmp_path / "defaults.yaml").write_text("{}\n")
    assert config("apply", "acme", tmp_path)[0] == 0
    assert not Segment.objects.filter(key="complained").exists()


def test_group_shares_a_policy_and_each_keeps_its_own_otherwise(
    shop: Retailer, globex: Retailer, tmp_path: Path
) -> None:
    group = Group.objects.create(key="both", name="Both")
    Retailer.objects.update(group=group)
    shared = tmp_path / "shared"
    exported("acme", shared)
    (shared / "brand.yaml").unlink()
    policies.save(globex, policy={"max_per_day": 500})
    assert config("apply", "--group", "both", shared)[0] == 0
    assert policies.effective(globex).max_per_day == 500
    (shared / "policy.yaml").write_text("max_per_day: 100\n")
    assert config("apply", "--group", "both", shared)[0] == 0
    assert {policies.effective(each).max_per_day for each in (shop, globex)} == {100}
    assert Layer.objects.filter(group=None).count() == 2
    assert kinds.read()["policy"] == {"policy": {"max_per_day": 100}}


def test_draft_that_leaves_most_to_its_blueprint_goes_out_sparse_and_comes_back(shop: Retailer, tmp_path: Path) -> None:
    blueprint = blueprints.catalogue()[0]
    made = blueprinting.instantiate(blueprint.key, now=timezone.now())
    first = exported("acme", tmp_path)
    assert b"steps:" not in first[f"campaigns/{made.key}.yaml"]
    assert config("plan", "acme", tmp_path)[0] == 0
    edit(tmp_path / f"campaigns/{made.key}.yaml", "name: ", "name: My ")
    assert config("apply", "acme", tmp_path)[0] == 0
    assert config("rollback", "acme")[0] == 0
    assert exported("acme", tmp_path) == first
    template = resolution.resolve(made.draft).config.steps[0].template
    for file in (tmp_path / "templates").glob(f"{template}.*"):
        file.unlink()
    assert f"it is in use by campaign {made.key}" in refused("plan", "acme", tmp_path)


def test_retailer_called_as_one_of_the_files_has_a_folder_beside_it(
    shop: Retailer, globex: Retailer, tmp_path: Path
) -> None:
    Retailer.objects.filter(pk=globex.pk).update(slug="policy")
    assert config("export", "--all", "--out", tmp_path)[0] == 0
    (tmp_path / "policy" / "policy.yaml").write_text("max_per_day: 100\n")
    (tmp_path / "policy.yaml").write_text("max_per_day: 200\n")
    (tmp_path / "acme" / "policy.yaml").write_text("approval: true\n")
    assert config("apply", "--all", tmp_path)[0] == 0
    assert policies.layer_of(globex).policy == {"max_per_day": 100}
    assert policies.layer_of(shop).policy == {"approval": True}
