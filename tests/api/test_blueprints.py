"""Blueprints by API: looked at, made into a campaign in one call, and their improvements offered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from django.test import override_settings

from campaigns import blueprints
from tenants.models import Retailer
from tests.api.caller import Api, problem, sound


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder of the platform's own, with the first version of a blueprint called spring."""
    with override_settings(BLUEPRINTS=[str(tmp_path)]):
        deploy(tmp_path, 1)
        yield tmp_path


def deploy(folder: Path, number: int, **audience: float) -> None:
    """A version of the blueprint: winback's, with another audience."""
    document = yaml.safe_load((blueprints.FOLDER / "winback" / "1.yaml").read_text())
    document["name"], document["improvement"] = "Spring", f"Better by {number}" if number > 1 else ""
    document["campaign"]["audience"] |= audience
    (folder / "spring").mkdir(exist_ok=True)
    (folder / "spring" / f"{number}.yaml").write_text(yaml.safe_dump(document))


def test_catalogue_and_each_of_its_blueprints(api: Api, acme: Retailer, folder: Path) -> None:
    listed = api.get("blueprints/").json()["results"]
    assert {"winback", "onboarding", "spring"} <= {each["key"] for each in listed}
    [spring] = [each for each in listed if each["key"] == "spring"]
    whole = api.get("blueprints/spring/").json()
    assert whole.items() >= spring.items()
    assert (whole["version"], whole["campaign"]["topic"]) == (1, "promotions")
    assert [seed["key"] for seed in whole["segments"]] == ["winback-60-days"]
    assert problem(api.get("blueprints/nothing/"))[0] == 404


def test_campaign_is_made_in_one_call_and_can_be_published(api: Api, folder: Path) -> None:
    made = api.post("blueprints/spring/instantiate/")
    assert (made.status_code, made["Location"], made["ETag"]) == (201, "/api/v1/campaigns/spring/", '"1"')
    assert made.json() == api.get(made["Location"]).json()
    assert made.json().items() >= {"name": "Spring", "blueprint": "spring", "blueprint_version": 1}.items()
    assert api.get("templates/we-miss-you/").json()["live_version"] == 1
    assert sound(api, "spring") == ["postal_address"]
    provenance = api.get(f"{made['Location']}resolved/").json()["provenance"]
    assert (provenance["steps"], provenance["name"]) == ("blueprint spring 1", "campaign")
    named = api.post("blueprints/spring/instantiate/", {"key": "mine", "name": "My own"}).json()
    assert (named["key"], named["name"]) == ("mine", "My own")
    assert problem(api.post("blueprints/spring/instantiate/", {"key": "mine"})) == (400, [("key", "unique")])
    assert problem(api.post("blueprints/nothing/instantiate/"))[0] == 404


def test_improvement_is_offered_as_a_difference_and_accepted_when_wanted(api: Api, folder: Path) -> None:
    api.post("blueprints/spring/instantiate/")
    path = "campaigns/spring/blueprint/"
    assert (api.get(path).status_code, api.get(path).content) == (204, b"")
    deploy(folder, 2, holdout=0.1)
    assert api.get("campaigns/spring/").json()["blueprint_version"] == 1
    assert api.get(path).json() == {
        "blueprint": "spring",
        "current": 1,
        "newest": 2,
        "improvements": ["Better by 2"],
        "differences": [{"field": "audience.holdout", "label": "Hold back", "before": "5 %", "after": "10 %"}],
    }
    accepted = api.post(path, if_match='"1"')
    assert (accepted.status_code, accepted["ETag"]) == (200, '"2"')
    assert accepted.json()["blueprint_version"] == 2
    assert api.get("campaigns/spring/resolved/").json()["config"]["audience"]["holdout"] == 0.1
    assert api.get(path).status_code == 204
    assert problem(api.post(path, if_match='"1"'))[0] == 412


def test_campaign_of_its_own_is_offered_nothing(api: Api, acme: Retailer, folder: Path) -> None:
    api.post("blueprints/spring/instantiate/")
    api.post("campaigns/", {**api.get("campaigns/spring/resolved/").json()["config"], "key": "own", "blueprint": None})
    assert api.get("campaigns/own/blueprint/").status_code == 204
    assert problem(api.post("campaigns/own/blueprint/")) == (400, [("blueprint", "invalid")])
