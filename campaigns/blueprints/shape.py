"""What a blueprint's file says, strictly: an unknown field is a mistake, and nothing is guessed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints, TypeAdapter

from campaigns.config.gate import parse
from campaigns.config.rules import Rule
from campaigns.config.values import Key, Name, Part

_Sentence = Annotated[str, StringConstraints(min_length=1, max_length=600, strip_whitespace=True)]
_Icon = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")]


class SegmentSeed(Part):
    """A segment that a retailer gets where it has none of that key."""

    key: Key
    name: Name
    description: Annotated[str, StringConstraints(max_length=600)] = ""
    rule: Rule


class TemplateSeed(Part):
    """A template that a retailer gets where it has none of that key. `starter` names the files of its content."""

    key: Key
    name: Name
    subject: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    preheader: Annotated[str, StringConstraints(max_length=300)] = ""
    starter: Key


class Contents(Part):
    """A blueprint's file. `campaign` is a whole campaign configuration but for its key and name."""

    name: Name
    description: _Sentence
    improvement: Annotated[str, StringConstraints(max_length=600, strip_whitespace=True)] = ""
    icon: _Icon = "campaign"
    campaign: dict[str, Any]
    segments: Annotated[list[SegmentSeed], Field(max_length=20)] = []
    templates: Annotated[list[TemplateSeed], Field(max_length=20)] = []


@dataclass(frozen=True)
class Blueprint:
    """`campaign` is a layer of campaign configuration; `segments` and `templates` are what it refers to and a
    retailer may lack. `folder` is where its file lies.
    """

    key: str
    version: int
    name: str
    description: str
    campaign: dict[str, Any]
    improvement: str  # over the version before
    icon: str
    segments: tuple[SegmentSeed, ...]
    templates: tuple[TemplateSeed, ...]
    folder: Path

    @property
    def label(self) -> str:
        return f"blueprint {self.key} {self.version}"


CONTENTS: TypeAdapter[Contents] = TypeAdapter(Contents)


def shaped(data: Any, *, key: str, version: int, folder: Path) -> Blueprint:
    """Plain data as a blueprint. Raises gate.Invalid."""
    found: Contents = parse(CONTENTS, data)
    return Blueprint(
        key=key,
        version=version,
        name=found.name,
        description=found.description,
        campaign=found.campaign,
        improvement=found.improvement,
        icon=found.icon,
        segments=tuple(found.segments),
        templates=tuple(found.templates),
        folder=folder,
    )
