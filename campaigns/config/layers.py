"""Resolution: layers of values into one configuration, remembering of each field where it came from. Pure.

A layer is a map from fields to values; the one above wins, field by field. That is a union of maps, so it does not
matter in which order layers are put together, only which lies above which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from types import MappingProxyType
from typing import Any

from campaigns.config.campaign import CampaignConfig, Goal, Limits, Timing, Tracking
from campaigns.config.gate import Invalid, Problem, dump, dump_written, parse_campaign
from campaigns.config.rules import Rule
from campaigns.config.values import Key, Part, Share

# Sections are resolved field by field; everything else, such as a trigger or the list of steps, is one value.
SECTIONS = ("audience", "timing", "limits", "tracking")
BUILT_IN = "built in"
FIELDS = (
    "key", "name", "blueprint", "blueprint_version", "goal", "trigger", "audience.include", "audience.exclude",
    "audience.holdout", "steps", "timing.mode", "timing.window", "timing.expire_after", "limits.per_customer",
    "tracking.opens", "tracking.clicks", "tracking.utm", "tracking.utm_domains", "topic", "lane",
)  # fmt: skip


class DefaultAudience(Part):
    exclude: Rule | None = None
    holdout: Share | None = None


class Defaults(Part):
    """What a platform, group or retailer says for campaigns that leave it out."""

    goal: Goal | None = None
    audience: DefaultAudience = DefaultAudience()
    timing: Timing = Timing()
    limits: Limits = Limits()
    tracking: Tracking = Tracking()
    topic: Key | None = None


@dataclass(frozen=True)
class Layered:
    """Fields with their values, and the name of the layer that each came from."""

    values: Mapping[str, Any]
    sources: Mapping[str, str]


@dataclass(frozen=True)
class Resolved:
    """A whole configuration. `provenance` says of every field where it came from."""

    config: CampaignConfig
    provenance: Mapping[str, str]

    @property
    def document(self) -> dict[str, Any]:
        """Plain data in canonical form: the same for the same configuration, whoever said what of it."""
        return dump(self.config)


def layer(name: str, document: Any) -> Layered:
    """A document as a layer; what is null in it is left out."""
    values = flatten(document)
    return Layered(MappingProxyType(values), MappingProxyType(dict.fromkeys(values, name)))


def over(below: Layered, above: Layered) -> Layered:
    """Both in one, the second winning: associative, with the empty layer as its neutral element."""
    return Layered(
        MappingProxyType({**below.values, **above.values}), MappingProxyType({**below.sources, **above.sources})
    )


def merge(layers: Iterable[Layered]) -> Layered:
    return reduce(over, layers, layer("", {}))


def resolve(layers: Iterable[Layered]) -> Resolved:
    """The configuration that the layers make, the last one on top. Raises gate.Invalid."""
    merged = merge(layers)
    config = parse_campaign(unflatten(merged.values))
    return Resolved(config, MappingProxyType({field: merged.sources.get(field, BUILT_IN) for field in FIELDS}))


def flatten(document: Any) -> dict[str, Any]:
    """Fields by their path. Raises gate.Invalid for a name that would be taken for a path."""
    if not isinstance(document, Mapping):
        return {"": document}
    values: dict[str, Any] = {}
    for name, value in document.items():
        if name in SECTIONS and isinstance(value, Mapping):
            values |= {f"{name}.{part}": inner for part, inner in value.items() if inner is not None}
        elif "." in str(name):
            raise Invalid([Problem(str(name), "this field is unknown here: nest it instead", "extra_forbidden")])
        elif value is not None:
            values[str(name)] = value
    return values


def unflatten(values: Mapping[str, Any]) -> Any:
    if "" in values:
        return values[""]  # not an object at all: the gate says so
    document: dict[str, Any] = {}
    for path, value in values.items():
        section, _, part = path.partition(".")
        if part and section in SECTIONS:
            inner = document.setdefault(section, {})
            if isinstance(inner, dict):
                inner[part] = value
        else:
            document[path] = value
    return document


def own_part(document: Any, config: CampaignConfig) -> dict[str, Any]:
    """What `document` said of a configuration that was resolved from it, in canonical form."""
    written = flatten(document)
    canonical = flatten(dump_written(config))
    own: dict[str, Any] = unflatten({path: canonical[path] for path in canonical if path in written})
    return own
