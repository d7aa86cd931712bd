"""From a blueprint to a campaign, and from an older version of it to a newer one, when its people want that.

Reads    the blueprints, Campaign, Segment, Template
Writes   Campaign (through configuration), Segment and Template (through editing), where the retailer lacks them
Promise  nothing of the retailer's is overwritten; an improvement is offered, never applied by itself
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import chain, count

from django.db import connection, transaction

from campaigns import blueprints, configuration, content, editing, resolution
from campaigns.blueprints import Blueprint, SegmentSeed, TemplateSeed, starters
from campaigns.config import layers
from campaigns.config.gate import Invalid, Problem, dump, dump_written
from campaigns.differences import Difference, differences
from campaigns.models import Campaign, Segment, Template

MAX_KEY = 63
_PIN = ("blueprint", "blueprint_version")


@dataclass(frozen=True)
class Offer:
    """A newer version of the blueprint that a campaign is pinned to. `differences` are what accepting it changes;
    what the campaign says itself stays as it is, and does not show.
    """

    blueprint: Blueprint
    current: int
    newest: int
    improvements: list[str]
    differences: list[Difference]


@transaction.atomic
def instantiate(blueprint_key: str, *, key: str | None = None, name: str | None = None, now: datetime) -> Campaign:
    """A draft that says nothing but where it comes from, with the segments and templates that it needs.

    Without a `key` it gets the blueprint's, or that with the first free number. Raises Invalid.
    """
    blueprint = blueprints.get(blueprint_key)
    if blueprint is None:
        known = ", ".join(sorted(each.key for each in blueprints.catalogue()))
        raise Invalid([Problem("blueprint", f"there is no blueprint {blueprint_key!r}; known: {known}", "unknown")])
    _one_at_a_time()
    _plant(blueprint, now=now)
    return configuration.save_draft(
        {
            "key": key or _free_key(blueprint.key),
            "name": name or blueprint.name,
            "blueprint": blueprint.key,
            "blueprint_version": blueprint.version,
        }
    )


def offer(campaign: Campaign) -> Offer | None:
    """What a newer version of its blueprint would change; None where there is none."""
    draft = campaign.draft
    current, newest = _pinned(campaign), _newest(campaign)
    if current is None or newest is None or newest.version <= current.version:
        return None
    before = _without_pin(resolution.resolve(draft).document)
    after = _without_pin(resolution.resolve({**draft, "blueprint_version": newest.version}).document)
    later = [each for each in blueprints.versions(newest.key) if each.version > current.version]
    improvements = [each.improvement for each in later if each.improvement]
    return Offer(newest, current.version, newest.version, improvements, differences(before, after))


@transaction.atomic
def accept(campaign: Campaign, *, draft_number: int | None = None, now: datetime) -> Campaign:
    """Pin the draft to the newest version; one that is pinned to it stays as it is.

    Raises Invalid, or configuration.Conflict where `draft_number` is no longer the draft's.
    """
    newest = _newest(campaign)
    if newest is None:
        raise Invalid([Problem("blueprint", f"{campaign.key!r} follows no blueprint: there is nothing to accept")])
    if newest.version <= campaign.draft.get("blueprint_version", 0):
        return campaign
    _one_at_a_time()
    _plant(newest, now=now)
    data = {**campaign.draft, "blueprint_version": newest.version}
    return configuration.save_draft(data, campaign=campaign, draft_number=draft_number)


def detach(campaign: Campaign, *, draft_number: int | None = None) -> Campaign:
    """Write what came from the blueprint into the draft, and follow the blueprint no longer.

    What runs stays the same. Raises Invalid where there is no blueprint, or configuration.Conflict.
    """
    pinned = _pinned(campaign)
    if pinned is None:
        raise Invalid([Problem("blueprint", f"{campaign.key!r} follows no blueprint: there is nothing to detach")])
    resolved = resolution.resolve(campaign.draft)
    inherited = {field for field, source in resolved.provenance.items() if source == pinned.label}
    said = layers.flatten(dump_written(resolved.config))
    own = layers.flatten(_without_pin(campaign.draft))
    taken = {field: value for field, value in said.items() if field in inherited}
    return configuration.save_draft(layers.unflatten({**own, **taken}), campaign=campaign, draft_number=draft_number)


# -- parts -------------------------------------------------------------------------------------------------------------
def _pinned(campaign: Campaign) -> Blueprint | None:
    key, version = (campaign.draft.get(name) for name in _PIN)
    return blueprints.get(key, version) if key and version else None


def _newest(campaign: Campaign) -> Blueprint | None:
    key = campaign.draft.get("blueprint")
    return blueprints.get(key) if key else None


def _without_pin(document: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in document.items() if name not in _PIN}


def _one_at_a_time() -> None:
    """Two clicks at once in one retailer neither race for a key nor make a segment twice."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('blueprints'), hashtext(current_schema()))")


def _plant(blueprint: Blueprint, *, now: datetime) -> None:
    """Make the segments and templates that the retailer lacks, in the order given. Raises Invalid."""
    for segment in blueprint.segments:
        if not Segment.objects.filter(key=segment.key).exists():
            _plant_segment(segment, now)
    for template in blueprint.templates:
        if not Template.objects.filter(key=template.key).exists():
            _plant_template(blueprint, template)


def _plant_segment(seed: SegmentSeed, now: datetime) -> None:
    made = Segment(key=seed.key, name=seed.name, description=seed.description, rule=dump(seed)["rule"])
    try:
        editing.save_segment(made, now=now)
    except Invalid as invalid:
        raise Invalid(editing.within(f"segments.{seed.key}", invalid.problems)) from None


def _plant_template(blueprint: Blueprint, seed: TemplateSeed) -> None:
    found = starters.sources(blueprint.folder, seed.starter)
    written = found._asdict() if found else {}
    made = Template(key=seed.key, name=seed.name, subject=seed.subject, preheader=seed.preheader, **written)
    try:
        editing.save_template(made)
        content.publish(made)
    except Invalid as invalid:
        raise Invalid(editing.within(f"templates.{seed.key}", invalid.problems)) from None


def _free_key(wanted: str) -> str:
    """`winback`, `winback-2`, `winback-3`, ...: the first that no campaign has."""
    endings = chain([""], (f"-{number}" for number in count(2)))
    taken = set(Campaign.objects.filter(key__startswith=wanted[: MAX_KEY - 6]).values_list("key", flat=True))
    return next(key for ending in endings if (key := wanted[: MAX_KEY - len(ending)] + ending) not in taken)
