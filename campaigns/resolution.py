"""Resolution for the retailer at hand: platform defaults -> blueprint -> group -> retailer -> campaign.

Reads    Layer, the blueprints, Campaign (which blueprint version a draft is pinned to)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from campaigns import blueprints, policies
from campaigns.config import layers
from campaigns.config.layers import Layered, Resolved
from campaigns.models import Campaign
from tenants import context

CAMPAIGN = "campaign"
_NAMED = ("key", "name", "blueprint", "blueprint_version")  # a blueprint's own are not the campaign's


def resolve(document: Any, *, own_defaults: Mapping[str, Any] | None = None) -> Resolved:
    """A draft as it would run, inside everything that lies below it. Raises Invalid."""
    return layers.resolve([*below(document, own_defaults=own_defaults), layers.layer(CAMPAIGN, document)])


def below(
    document: Any, *, own_defaults: Mapping[str, Any] | None = None, above: Iterable[policies.Said] | None = None
) -> list[Layered]:
    """What fills in what a draft leaves out, the platform's first; `own_defaults` as if the retailer said that.

    `above` is for a caller who has just read what the layers say.
    """
    stated = policies.said(context.current()) if above is None else above
    said = {each.name: layers.layer(each.name, each.defaults) for each in stated}
    if own_defaults is not None:
        said[policies.OWN] = layers.layer(policies.OWN, own_defaults)
    platform = said.pop("platform", layers.layer("", {}))
    return [platform, _blueprint(document), *said.values()]


def shaped(document: Any) -> dict[str, Any]:
    """A draft in canonical form: what it says, and nothing of what lies below it. Raises Invalid."""
    pinned_document = pinned(document)
    return layers.own_part(pinned_document, resolve(pinned_document).config)


def pinned(document: Any) -> Any:
    """The same, naming the version of its blueprint: the one that the campaign has, or else the newest."""
    if not isinstance(document, Mapping) or document.get("blueprint") is None or document.get("blueprint_version"):
        return document
    key = document["blueprint"]
    had = Campaign.objects.filter(key=str(document.get("key")), draft__blueprint=key).values_list("draft", flat=True)
    version = next((draft.get("blueprint_version") for draft in had), None)
    newest = blueprints.get(key) if isinstance(key, str) else None
    if version is None and newest is not None:
        version = newest.version
    return {**document, "blueprint_version": version} if version else document


def _blueprint(document: Any) -> Layered:
    if not isinstance(document, Mapping) or not isinstance(document.get("blueprint"), str):
        return layers.layer("", {})
    version = document.get("blueprint_version")
    if version is not None and not isinstance(version, int):
        return layers.layer("", {})  # the gate says what is wrong with it
    found = blueprints.get(document["blueprint"], version)
    if found is None:
        return layers.layer("", {})
    values = {name: value for name, value in found.campaign.items() if name not in _NAMED}
    return layers.layer(found.label, values)
