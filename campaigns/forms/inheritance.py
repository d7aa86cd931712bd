"""Which of a campaign's fields it says itself, and which come from a layer below: for its form and for lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from campaigns import blueprints, policies, resolution
from campaigns.config import layers
from campaigns.config import policy as rules
from campaigns.config.layers import BUILT_IN, Layered, Resolved
from campaigns.config.policy import Policy
from campaigns.differences import differences
from campaigns.forms import counting, drafts
from tenants import context

PATHS = {
    "include": "audience.include", "exclude": "audience.exclude", "holdout": "audience.holdout",
    "template": "steps", "variants": "steps", "when": "trigger", "topic": "topic", "lane": "lane",
    "opens": "tracking.opens", "clicks": "tracking.clicks", "utm": "tracking.utm",
    "utm_domains": "tracking.utm_domains",
}  # fmt: skip
# The bounds that a field stands under, and how they are told there.
BOUNDS = {
    "holdout": {"min_holdout": "policy: {}"},
    "template": {"channels": "policy: {}"},
    "variants": {"max_discount": "policy: discount {}", "per_customer": "policy: {} to one customer"},
    "opens": {"untracked": "policy: {}"},
    "clicks": {"untracked": "policy: {}"},
    "when": {"quiet_hours": "policy: nothing from {}"},
    "lane": {"transactional": "policy: {}"},
}
# What says "nothing" where leaving a field out would mean the layer below.
_NOTHING: dict[str, Any] = {"audience.exclude": drafts.NOBODY, "audience.holdout": 0.0, "tracking.utm_domains": []}
CAMPAIGN = resolution.CAMPAIGN


@dataclass(frozen=True)
class Field:
    """Where a form field's value comes from, in words. `instead` is what it would be without the campaign's own."""

    source: str
    is_own: bool = False
    instead: str = ""
    path: str = ""
    bounds: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Standing:
    """A draft with what lies below it. `document` is whole enough to show, even where the draft is not."""

    draft: Mapping[str, Any]
    below: Layered
    policy: Policy
    document: dict[str, Any]

    def resolved(self) -> Resolved:
        """The draft as it would run. Raises Invalid."""
        return layers.resolve([self.below, layers.layer(CAMPAIGN, self.draft)])

    def fields(self) -> dict[str, Field]:
        """Of each form field, where its value comes from."""
        bounds = rules.words(self.policy)
        own = layers.flatten(self.draft)
        return {name: self._field(name, path, own, bounds) for name, path in PATHS.items()}

    def _field(self, name: str, path: str, own: Mapping[str, Any], bounds: Mapping[str, str]) -> Field:
        told = [words.format(bounds[bound]) for bound, words in BOUNDS.get(name, {}).items() if bound in bounds]
        source = CAMPAIGN if path in own else self.below.sources.get(path, BUILT_IN)
        instead = ""
        if path in own and path in self.below.values and name != "variants":
            said = value_words(path, self.below.values[path])
            instead = f"{said} ({source_words(self.below.sources[path])})" if said else ""
        return Field(source_words(source), path in own, instead, path, told)


def standing(draft: Mapping[str, Any]) -> Standing:
    """One query."""
    above = policies.said(context.current())
    below = layers.merge(resolution.below(draft, above=above))
    blank = layers.layer(BUILT_IN, drafts.NEW)
    document = layers.unflatten(layers.merge([blank, below, layers.layer(CAMPAIGN, draft)]).values)
    return Standing(draft, below, policies.meet(above), {"audience": {}, **document})


def outline(draft: Mapping[str, Any]) -> dict[str, Any]:
    """A draft with its blueprint's parts, for lists: trigger, audience and steps come from nowhere else. No query."""
    found = blueprints.get(str(draft.get("blueprint") or ""), draft.get("blueprint_version"))
    blank, middle = layers.layer(BUILT_IN, drafts.NEW), layers.layer("", found.campaign if found else {})
    document = layers.unflatten(layers.merge([blank, middle, layers.layer(CAMPAIGN, draft)]).values)
    return {"audience": {}, **document}


def sparse(
    stands: Standing, shown: Mapping[str, Any], wanted: Mapping[str, Any], *, give_up: Iterable[str] = ()
) -> dict[str, Any]:
    """The draft that a form asks for: only what differs from what it showed is written; `give_up` are paths that
    are to be inherited again.
    """
    own, before, after = layers.flatten(stands.draft), layers.flatten(shown), layers.flatten(wanted)
    for path in {*before, *after}:
        if before.get(path) == after.get(path):
            continue
        if path in after:
            own[path] = after[path]
        elif path in stands.below.values and path in _NOTHING:
            own[path] = _NOTHING[path]
        else:
            own.pop(path, None)
    for path in give_up:
        if path in stands.below.values:
            own.pop(path, None)
    document: dict[str, Any] = layers.unflatten(own)
    return document


def source_words(source: str) -> str:
    """The name of a layer for the reader of a form."""
    if source == CAMPAIGN:
        return "set here"
    if source in ("platform", "retailer"):
        return f"{source} default"
    return f"from {source}" if source.startswith("blueprint") else source


def value_words(path: str, value: Any) -> str:
    if path == "steps":
        return f"its {len(value)} step{'' if len(value) == 1 else 's'}"
    if path in ("tracking.opens", "tracking.clicks"):
        return dict(counting.COUNTED)[counting.YES if value else counting.NO]
    if path == "tracking.utm":
        return counting.words(value)
    if path == "tracking.utm_domains":
        return counting.listed(value)
    found = differences({}, layers.unflatten({path: value}))
    return found[0].after if found else ""
