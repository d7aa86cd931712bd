"""Blueprints as files: a platform's own, and what is wrong with one told at start."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import Error
from django.test import override_settings

from campaigns import (
    blueprinting,
    blueprints,
    configuration,
)
from campaigns.apps import check_blueprints
from campaigns.models import Template
from tenants.models import Retailer
from tests import factories
from tests.campaigns.blueprints.deployed import (
    NOW,
    deploy,
    faults_of,
    shipped,
)


def test_platform_adds_a_blueprint_of_its_own_with_its_own_mail(at_acme: Retailer, folder: Path) -> None:
    document = shipped("winback")
    document["templates"][0] |= {"key": "loyal", "starter": "our-letter"}
    document["campaign"]["steps"][0]["template"] = "loyal"
    deploy(folder, "loyalty", 1, document | {"name": "Loyalty"})
    (folder / "loyalty" / "our-letter.html").write_text("<p>{{ content.headline }}</p>" + factories.OUT)
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
