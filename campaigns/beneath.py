"""What lies beneath a retailer's template: the slots and blocks of its base, what they say without it, and whose word
that is. For the people and programs that fill them.

Reads    BaseTemplate, BaseVersion
Promise  what it tells is what the next batch would be made of
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import F, Q

from campaigns import bases, editions, layering
from campaigns.config.template import Slot
from campaigns.editions import Layers
from campaigns.layering import Base, Fill
from tenants import context
from tenants.models import BaseTemplate, BaseVersion


@dataclass(frozen=True)
class SlotBeneath:
    """`value` is what stands there without the template, None where nothing does; `whose` says who put it there."""

    name: str
    slot: Slot
    value: Any
    whose: str
    locked_by: str = ""

    @property
    def label(self) -> str:
        return self.slot.label or self.name.replace("_", " ").capitalize()

    @property
    def limits(self) -> dict[str, Any]:
        """What bounds a value, in the words of the base: max, most, width, choices."""
        return self.slot.model_dump(mode="json", include={"max", "most", "width", "choices"})


@dataclass(frozen=True)
class BlockBeneath:
    name: str
    source: str
    whose: str
    locked_by: str = ""


@dataclass(frozen=True)
class Beneath:
    """A base as it counts for the retailer now, with what its group says over it. `group` is blank without that."""

    key: str
    name: str
    version: int
    group: str
    subject: str
    preheader: str
    slots: tuple[SlotBeneath, ...]
    blocks: tuple[BlockBeneath, ...]
    locales: tuple[str, ...]

    def slot(self, name: str) -> SlotBeneath | None:
        return next((each for each in self.slots if each.name == name), None)

    def block(self, name: str) -> BlockBeneath | None:
        return next((each for each in self.blocks if each.name == name), None)


def of(key: str, locale: str = "") -> Beneath:
    """What lies beneath a template on that base, to somebody of that locale. Raises bases.Unavailable."""
    return of_all(key, [locale])[locale]


def of_all(key: str, locales: Iterable[str]) -> dict[str, Beneath]:
    """The same for each of these locales. Raises bases.Unavailable."""
    stands = bases.standing(context.current(), key)
    version = BaseVersion.objects.select_related("base").get(pk=stands.base_version_id)
    return {locale: _told(editions.below(stands), version, locale) for locale in locales}


def unsaid(lies: Mapping[str, Beneath], fill: Fill) -> dict[str, Beneath]:
    """The same by locale, with subject and preview text as they stand where a template that fills these slots says
    neither: a base's subject may be a slot.
    """
    return {locale: _unsaid(each, fill, locale) for locale, each in lies.items()}


def _unsaid(lies: Beneath, fill: Fill, locale: str) -> Beneath:
    below = editions.below(bases.standing(context.current(), lies.key))
    made = layering.resolve(below.base, [*below.fills, fill], locale)
    return replace(lies, subject=made.subject, preheader=made.preheader)


def offered() -> list[BaseTemplate]:
    """The bases that a template of the retailer may be built on now: the platform's, and its group's own."""
    retailer = context.current()
    mine = Q(group=None) | Q(group_id=retailer.group_id) if retailer.group_id else Q(group=None)
    by_key: dict[str, BaseTemplate] = {}
    for row in BaseTemplate.objects.filter(mine, channel="email").order_by("key", F("group_id").asc(nulls_first=True)):
        by_key.setdefault(row.key, row)
    counting = bases.standings([retailer.pk], by_key)
    return [row for row in by_key.values() if (retailer.pk, row.key) in counting]


def _told(below: Layers, version: BaseVersion, locale: str) -> Beneath:
    base, group = below.base, context.current().group
    made = layering.resolve(base, below.fills, locale)
    names = {layering.OWN: f"the base {version.base.name}"} | {fill.name: _group_name(group) for fill in below.fills}
    locks = {name: names.get(who, who) for name, who in layering.locks_of(base, below.fills).items()}
    whose = {name: names.get(origin, origin) for name, origin in made.origins.items()}
    return Beneath(
        key=version.base.key,
        name=version.base.name,
        version=version.number,
        group=_group_name(group) if below.fills else "",
        subject=made.subject,
        preheader=made.preheader,
        slots=tuple(
            SlotBeneath(
                name,
                base.slots[name],
                made.content.get(name),
                whose.get(name, names[layering.OWN]),
                locks.get(name, ""),
            )
            for name in layering.in_order(base.slots, base.html)
        ),
        blocks=tuple(
            BlockBeneath(name, source, whose.get(name, names[layering.OWN]), locks.get(name, ""))
            for name, source in _sources(base, below.fills, locale).items()
        ),
        locales=tuple(sorted(editions.locales(below))),
    )


def _group_name(group: Any) -> str:
    return f"the group {group.name}" if group else "the group"


def _sources(base: Base, fills: Iterable[Fill], locale: str) -> dict[str, str]:
    """Each block's source as it stands without the template."""
    sources = {name: "".join(each.source for each in block.body) for name, block in base.blocks.items()}
    for fill in fills:
        for said in reversed(list(fill.locales(locale))):
            sources |= {name: source for name, source in said.blocks.items() if name in sources}
    return sources
