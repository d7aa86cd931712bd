"""What differs between two configurations of a campaign, in words that a marketer knows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from campaigns.config.layers import flatten


@dataclass(frozen=True)
class Difference:
    """One thing that differs. `field` is its path, `label` its name for people; a side is empty where it is not set."""

    field: str
    label: str
    before: str
    after: str


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Between two documents (drafts or resolved configurations), in the order of the form."""
    old, new = flatten(before), flatten(after)
    return [
        Difference(path, path, str(old.get(path, "")), str(new.get(path, "")))
        for path in sorted({*old, *new})
        if old.get(path) != new.get(path)
    ]
