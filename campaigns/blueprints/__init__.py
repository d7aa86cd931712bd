"""Blueprints: campaign starting points that the platform offers to every retailer, as YAML, in numbered versions.

`<key>/<number>.yaml` in this folder or in one that BLUEPRINTS names. A version never changes once it was deployed:
campaigns are pinned to the one they were made from, and an improvement is a new file beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Blueprint:
    """`campaign` is a layer of campaign configuration; `segments` and `templates` are what it refers to and a
    retailer may lack.
    """

    key: str
    version: int
    name: str
    description: str
    campaign: dict[str, Any]
    improvement: str = ""  # over the version before
    icon: str = "campaign"
    segments: list[dict[str, Any]] = field(default_factory=list)
    templates: list[dict[str, Any]] = field(default_factory=list)

    @property
    def label(self) -> str:
        return f"blueprint {self.key} {self.version}"


def get(key: str, version: int | None = None) -> Blueprint | None:
    """That version, or the newest; None where there is none."""
    versions = _all(_folders()).get(key, {})
    return versions.get(max(versions, default=0) if version is None else version)


def catalogue() -> list[Blueprint]:
    """The newest version of each, by name."""
    newest = [versions[max(versions)] for versions in _all(_folders()).values()]
    return sorted(newest, key=lambda each: each.name)


def _folders() -> tuple[Path, ...]:
    return (FOLDER, *map(Path, settings.BLUEPRINTS))


@cache
def _all(folders: tuple[Path, ...]) -> dict[str, dict[int, Blueprint]]:
    found: dict[str, dict[int, Blueprint]] = {}
    for folder in folders:
        for file in sorted(folder.glob("*/*.yaml")):
            key, version = file.parent.name, int(file.stem)
            found.setdefault(key, {})[version] = Blueprint(key=key, version=version, **yaml.safe_load(file.read_text()))
    return found
