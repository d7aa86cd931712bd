"""What a plan tells."""

from __future__ import annotations

import json
from pathlib import Path

from django.utils import timezone

from campaigns import configuration
from campaigns.ascode import diffing, documents, kinds, planning, telling
from campaigns.models import Campaign
from tenants.models import Retailer
from tests.campaigns.ascode.shops import config, edit, exported


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
        '         <p>For all <a href="{{ unsubscribe_url }}">Unsubscribe</a></p>',
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
