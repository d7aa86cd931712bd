"""Who refers to a segment, a template or an attribute: what is in use is not removed.

Reads    Segment, Campaign
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from campaigns.models import Campaign, Segment


@dataclass(frozen=True)
class Reference:
    """A campaign or a segment that refers to something. `kind` is the model's name."""

    kind: str
    pk: int
    key: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


def to_segments() -> dict[str, list[Reference]]:
    """By the segment's key: who refers to it, itself left out. Two queries."""
    found: dict[str, list[Reference]] = {}
    for pk, key, name, rule in Segment.objects.order_by("name").values_list("pk", "key", "name", "rule"):
        for used in set(_values("segment", rule)) - {key}:
            found.setdefault(used, []).append(Reference("segment", pk, key, name))
    return _with_campaigns("segment", found)


def to_templates() -> dict[str, list[Reference]]:
    """By the template's key: the campaigns whose draft or live version uses it. One query."""
    return _with_campaigns("template", {})


def to_attributes() -> dict[str, list[Reference]]:
    """By the attribute's name: the segments and campaigns whose rules ask for it. Two queries."""
    found: dict[str, list[Reference]] = {}
    for pk, key, name, rule in Segment.objects.order_by("name").values_list("pk", "key", "name", "rule"):
        for used in set(_values("attribute", rule)):
            found.setdefault(used, []).append(Reference("segment", pk, key, name))
    by_name: dict[str, list[Reference]] = {}
    for used, users in _with_campaigns("attribute", found).items():
        by_name.setdefault(used.removeprefix("attributes."), []).extend(users)
    return by_name


def _with_campaigns(name: str, found: dict[str, list[Reference]]) -> dict[str, list[Reference]]:
    told = Campaign.objects.order_by("name").values_list("pk", "key", "name", "draft", "live__config")
    for pk, key, called, *configs in told:
        for used in set(_values(name, configs)):
            found.setdefault(used, []).append(Reference("campaign", pk, key, called))
    return found


def _values(name: str, document: Any) -> Iterator[str]:
    """Every text called `name` anywhere in a JSON document."""
    if isinstance(document, dict):
        if isinstance(document.get(name), str):
            yield document[name]
        document = list(document.values())
    if isinstance(document, list):
        for part in document:
            yield from _values(name, part)
