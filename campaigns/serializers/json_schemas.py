"""The configuration's JSON Schemas (draft 2020-12), as they are published for editors and integrators. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from campaigns.config.campaign import SCHEMA_VERSION, CampaignConfig
from campaigns.config.layers import Defaults
from campaigns.config.policy import Policy
from campaigns.config.rules import RULE

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MODELS: Mapping[str, tuple[str, TypeAdapter[Any]]] = {
    "campaign": ("Campaign", TypeAdapter(CampaignConfig)),
    "rule": ("Segment rule", RULE),
    "policy": ("Policy", TypeAdapter(Policy)),
    "defaults": ("Defaults", TypeAdapter(Defaults)),
}
NAMES = tuple(_MODELS)
_FROM_BLUEPRINT = ["trigger", "audience", "steps"]  # what a campaign may leave to its blueprint


def document(name: str) -> dict[str, Any]:
    """The schema called `name`, one of NAMES."""
    title, adapter = _MODELS[name]
    schema = adapter.json_schema(by_alias=True, mode="validation")
    if name == "campaign":
        as_draft(schema)
        schema["$defs"]["Audience"]["required"].remove("include")
        schema["else"]["properties"] = {"audience": {"required": ["include"]}}
    return {
        "$schema": DIALECT,
        "$id": f"urn:bannerline:schema:{name}:{SCHEMA_VERSION}",
        **schema,
        "title": title,
    }


def text(name: str) -> str:
    """The schema as its file has it."""
    return json.dumps(document(name), indent=2, ensure_ascii=False) + "\n"


def as_draft(schema: dict[str, Any]) -> None:
    """Change a configuration's schema into a draft's, which may leave a part to its blueprint."""
    schema["required"] = [name for name in schema["required"] if name not in _FROM_BLUEPRINT]
    schema |= {"if": {"required": ["blueprint"]}, "else": {"required": list(_FROM_BLUEPRINT)}}
