"""The form of a webhook: the JSON document that is sent."""

from __future__ import annotations

import json
from typing import Any

from django import forms

from campaigns.config.gate import Problem
from campaigns.forms.channelled.base import ChannelForm, lines
from campaigns.models import Template

BEGIN = {
    "customer": "{{ customer.external_id }}",
    "campaign": "{{ campaign.key }}",
    "first_name": "{{ customer.first_name | default('there') }}",
}


class WebhookForm(ChannelForm):
    channel = "webhook"
    shown = ("payload",)
    payload = forms.CharField(
        label="JSON",
        widget=lines(16, **{"class": "c-code c-wide", "spellcheck": "false", "data-json": ""}),
        strip=False,
        help_text="Variables go into its texts, as values: quotes in somebody's name break nothing.",
    )

    def told(self, template: Template) -> dict[str, Any]:
        return {"payload": json.dumps(template.payload or BEGIN, ensure_ascii=False, indent=2)}

    def read_into(self, template: Template) -> list[Problem]:
        template.payload, problem = read(self.said("payload"))
        return [problem] if problem else []


def read(written: str) -> tuple[dict[str, Any], Problem | None]:
    """The document, or an empty one and what is wrong with it."""
    try:
        found = json.loads(written, object_pairs_hook=_once, parse_constant=_no_number)
    except _Refused as refused:
        return {}, Problem("payload", str(refused), "json")
    except json.JSONDecodeError as error:
        return {}, Problem(
            "payload", f"Line {error.lineno}, column {error.colno}: this is no JSON. {_cure(error)}", "json"
        )
    except RecursionError:
        return {}, Problem("payload", "Nested too deeply: make it flatter", "json")
    if not isinstance(found, dict):
        return {}, Problem("payload", "It is an object: begin with { and end with }", "json")
    return found, None


class _Refused(ValueError):
    """What Python reads and JSON does not know."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise _Refused(f"{name!r} stands twice in one object: each name stands once")
        made[name] = value
    return made


def _no_number(written: str) -> Any:
    raise _Refused(f"{written} is no number in JSON: numbers are finite")


def _cure(error: json.JSONDecodeError) -> str:
    if "delimiter" in error.msg:
        return "A comma or a bracket is missing."
    if "property name" in error.msg:
        return "A name in double quotes is expected here; after the last one stands no comma."
    return "Texts stand in double quotes."
