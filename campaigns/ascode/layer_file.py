"""The policy and defaults of one owner (the platform, a group or a retailer) as one file of two sections.

    policy:
      quiet_hours:
        - ['21:00', '08:00']
    defaults:
      topic: news

A section that is left out stays as it is; an empty one, written {}, says nothing any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaigns import blast, editing, policies
from campaigns.ascode import diffing, plain_yaml
from campaigns.ascode.diffing import Change, FieldChange
from campaigns.ascode.documents import Document, Fault, Refused, Source
from campaigns.ascode.planning import Plan
from campaigns.blast import Hit
from campaigns.config import policy as rules
from campaigns.config.gate import Invalid, dump_written
from campaigns.policies import Owner
from tenants.models import Layer

SECTIONS = ("policy", "defaults")


@dataclass(frozen=True)
class Wanted:
    """What a file asks for; None where it leaves a section out."""

    source: Source
    policy: Document | None
    defaults: Document | None


@dataclass(frozen=True)
class Planned:
    """What that would change, and do to live campaigns. `number` is the layer's that it was planned on."""

    plan: Plan
    hits: list[Hit]
    number: int


def read(file: Path) -> Wanted:
    """Raises Refused for a file that cannot be read, or says something else."""
    try:
        found = plain_yaml.read(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Refused([Fault(str(file), "", f"it cannot be read: {error}")]) from None
    except plain_yaml.BadYaml as problem:
        raise Refused([Fault(str(file), "", str(problem), problem.line)]) from None
    data = found.data if isinstance(found.data, dict) else {}
    strange = sorted(data.keys() - {*SECTIONS})
    if strange or not data:
        what = f"{strange[0]!r} is unknown here" if strange else "it says nothing"
        raise Refused([Fault(str(file), "", f"{what}: write sections policy: and defaults:, or one of them")])
    source = Source(str(file), data, found.lines)
    return Wanted(source, _section(data, "policy"), _section(data, "defaults"))


def plan(owner: Owner, wanted: Wanted) -> Planned:
    """Raises Refused, with the lines of what is wrong."""
    layer = policies.layer_of(owner)
    before = {name: {name: getattr(layer, name)} for name in SECTIONS}
    after = {"policy": {"policy": _policy(owner, wanted, layer)}, "defaults": {"defaults": _defaults(wanted, layer)}}
    changes = [
        _in_words(change, before["policy"]["policy"], after["policy"]["policy"]) if change.kind == "policy" else change
        for change in diffing.changes(before, after)
    ]
    hits = [] if wanted.policy is None else blast.radius(owner, wanted.policy)
    return Planned(Plan(before, after, tuple(changes)), hits, layer.number)


def apply(owner: Owner, wanted: Wanted, *, number: int | None = None) -> tuple[Planned, Layer]:
    """Make it the owner's. Raises Refused or policies.ChangedMeanwhile; where nothing changes, nothing is written."""
    planned = plan(owner, wanted)
    if not planned.plan.changes and number in (None, planned.number):
        return planned, policies.layer_of(owner)
    saved = policies.save(owner, policy=wanted.policy, defaults=wanted.defaults, number=number)
    return planned, saved


def _section(data: Document, name: str) -> Any:
    """None where it is left out; a name with nothing behind it is an empty one."""
    return None if name not in data else data[name] if data[name] is not None else {}


def _policy(owner: Owner, wanted: Wanted, layer: Layer) -> Document:
    if wanted.policy is None:
        return _canonical(layer.policy)
    try:
        return dump_written(policies.check(owner, wanted.policy))
    except Invalid as invalid:
        raise _refused(wanted, "policy", invalid) from None


def _defaults(wanted: Wanted, layer: Layer) -> Document:
    if wanted.defaults is None:
        return dict(layer.defaults)
    try:
        return dump_written(policies.parse_defaults(wanted.defaults))
    except Invalid as invalid:
        raise _refused(wanted, "defaults", invalid) from None


def _canonical(policy: Mapping[str, Any]) -> Document:
    return dump_written(policies.parse_policy(policy))


def _refused(wanted: Wanted, section: str, invalid: Invalid) -> Refused:
    return Refused(map(wanted.source.fault, editing.within(section, invalid.problems)))


def _in_words(change: Change, before: Document, after: Document) -> Change:
    """Bounds as people read them."""
    old, new = rules.words(policies.parse_policy(before)), rules.words(policies.parse_policy(after))
    fields = [
        FieldChange(name, old.get(name), new.get(name)) for name in {**old, **new} if old.get(name) != new.get(name)
    ]
    return Change(change.kind, change.key, change.action, "", tuple(fields))
