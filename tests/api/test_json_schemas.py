"""The configuration's JSON Schemas: published, in step with the code, and true of what the product takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from django.conf import settings
from django.core.management import call_command

from campaigns import blueprints
from campaigns.serializers import json_schemas
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api
from tests.api.test_bad_input import CAMPAIGN, RULE

FOLDER = Path(settings.BASE_DIR) / "docs" / "schema"


def is_valid(name: str, document: Any) -> bool:
    return jsonschema.Draft202012Validator(json_schemas.document(name)).is_valid(document)


@pytest.mark.parametrize("name", json_schemas.NAMES)
def test_schema_is_published_without_a_key(acme: Retailer, name: str) -> None:
    response = Api(acme, None).get(f"schema/{name}/")
    assert (response.status_code, response["Content-Type"]) == (200, "application/schema+json")
    schema = response.json()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:bannerline:schema:{name}:1"
    jsonschema.Draft202012Validator.check_schema(schema)
    assert Api(acme, None).post(f"schema/{name}/").status_code == 405


def test_files_are_those_of_the_code(tmp_path: Path) -> None:
    """Where this fails, the model changed: run `python manage.py write_schemas`, and keep what it writes."""
    call_command("write_schemas", str(tmp_path), verbosity=0)
    assert {file.name: file.read_text() for file in FOLDER.iterdir()} == {
        file.name: file.read_text() for file in tmp_path.iterdir()
    }


def test_what_the_product_takes_is_valid() -> None:
    assert is_valid("campaign", CAMPAIGN)
    assert is_valid("campaign", factories.config())
    assert is_valid("rule", RULE)
    assert is_valid("policy", {"channels": ["email"], "quiet_hours": [["21:00", "08:00"]], "approval": True})
    assert is_valid("defaults", {"topic": "news", "audience": {"holdout": 0.1}, "timing": {"expire_after": "24h"}})


@pytest.mark.parametrize("key", [each.key for each in blueprints.catalogue()])
def test_shipped_blueprints_are_valid_and_so_are_campaigns_that_follow_them(key: str) -> None:
    campaign = yaml.safe_load((blueprints.FOLDER / key / "1.yaml").read_text())["campaign"]
    assert is_valid("campaign", {"key": key, "name": key, **campaign})
    assert is_valid("campaign", {"key": key, "name": key, "blueprint": key, "audience": {"holdout": 0.1}})


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("campaign", {"key": "x", "name": "X"}),
        ("campaign", {**factories.config(), "audience": {"holdout": 0.1}}),
        ("campaign", {**factories.config(), "trigger": {"kind": "moon"}}),
        ("campaign", {**factories.config(), "colour": "red"}),
        ("campaign", {**factories.config(), "limits": {"per_customer": {"messages": 1, "per": "soon"}}}),
        ("rule", {"attribute": 5}),
        ("rule", {"moon": "full"}),
        ("policy", {"min_holdout": 2}),
        ("defaults", {"steps": []}),
    ],
)
def test_what_the_product_refuses_is_not(name: str, document: dict[str, Any]) -> None:
    assert not is_valid(name, document)
