"""What the policy forbids is refused by every call that could bring it about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from pytest_django import Settings

from campaigns import policies
from campaigns.models import Run
from tenants import context
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api, problem
from tests.api.test_blueprints import deploy

PATH = "campaigns/welcome/"
HELD_BACK = {"include": {"all": []}, "holdout": 0.2}
WELCOME = factories.config("welcome", audience=HELD_BACK)


@pytest.fixture
def welcome(api: Api, acme: Retailer, settings: Settings) -> None:
    """A campaign whose first version holds nobody back, and its draft a fifth."""
    settings.EMAIL_URL = "memory://forbidden"
    with context.in_retailer(acme):
        factories.customers(2)
        factories.campaign("welcome")
    assert api.post(f"{PATH}publish/").status_code == 200
    assert api.put(PATH, WELCOME).status_code == 200


def tighten(**policy: Any) -> None:
    policies.save(None, policy=policy)


LESS = {"audience": {"include": {"all": []}, "holdout": 0.1}}


@pytest.mark.parametrize(
    "call",
    [
        ("POST", "campaigns/", WELCOME | {"key": "other"} | LESS),
        ("PUT", PATH, WELCOME | LESS),
        ("PATCH", PATH, LESS),
        ("PATCH", PATH, {"audience": {"holdout": None}}),
        ("POST", f"{PATH}versions/1/restore/"),
        ("POST", "blueprints/winback/instantiate/"),
    ],
    ids=lambda call: " ".join(call[:2]),
)
def test_forbidden_draft_is_not_saved(api: Api, welcome: None, call: tuple[Any, ...]) -> None:
    tighten(min_holdout=0.15)
    before = api.get("campaigns/").json()
    assert problem(api.call(*call)) == (400, [("audience.holdout", "policy")])
    assert api.get("campaigns/").json() == before


@pytest.mark.parametrize("verb", ["publish", "launch", "submit", "preflight"])
def test_draft_that_a_later_policy_forbids_goes_no_further(api: Api, acme: Retailer, welcome: None, verb: str) -> None:
    tighten(min_holdout=0.3)
    assert problem(api.post(f"{PATH}{verb}/")) == (400, [("audience.holdout", "policy")])
    verdict = api.post(f"{PATH}validate/").json()
    assert (verdict["valid"], [error["code"] for error in verdict["errors"]]) == (False, ["policy"])
    assert api.get(PATH).json()["live_version"] == 1
    with context.in_retailer(acme):
        assert not Run.objects.exists()


def test_forbidden_improvement_of_a_blueprint_is_not_accepted(
    api: Api, acme: Retailer, settings: Settings, tmp_path: Path
) -> None:
    with override_settings(BLUEPRINTS=[str(tmp_path)]):
        deploy(tmp_path, 1, holdout=0.2)
        tighten(min_holdout=0.15)
        assert api.post("blueprints/spring/instantiate/").status_code == 201
        deploy(tmp_path, 2, holdout=0.1)
        assert problem(api.post("campaigns/spring/blueprint/")) == (400, [("audience.holdout", "policy")])
        assert api.get("campaigns/spring/").json()["blueprint_version"] == 1


def test_template_and_sender_that_the_policy_forbids_are_refused(api: Api, welcome: None) -> None:
    tighten(footer=["brand.postal_address"])
    assert problem(api.patch("templates/hello/", {"subject": "Hi"})) == (400, [("html", "policy")])
    assert ("steps.0.template", "policy") in problem(api.post(f"{PATH}publish/"))[1]


def test_run_goes_on_only_while_the_policy_allows_it(api: Api, welcome: None) -> None:
    api.post(f"{PATH}launch/")
    api.post(f"{PATH}pause/")
    tighten(min_holdout=0.3)
    for verb in ("resume", "go-on"):
        refused = api.post(f"{PATH}{verb}/")
        assert problem(refused) == (409, [("", "not_allowed")])
        assert "audience.holdout" in refused.json()["detail"]


def test_own_policy_binds_as_the_platforms_does(api: Api, welcome: None) -> None:
    api.put("policy/", {"min_holdout": 0.3})
    assert problem(api.patch(PATH, {"name": "Hi"})) == (400, [("audience.holdout", "policy")])
