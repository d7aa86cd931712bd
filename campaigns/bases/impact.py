"""What a draft of a base would do to the retailers below it, worked out when somebody asks.

Reads    Template and TemplateVersion of every active retailer; BaseVersion, BasePin
Promise  what is told not to fit is what the layers' own check refuses, and it fits now
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from psycopg import sql

from campaigns import examination
from campaigns.bases import drafts
from campaigns.config import template as language_of
from campaigns.config.gate import Invalid, Problem, parse
from campaigns.config.template import BaseDocument, LayerDocument, TemplateDocument
from campaigns.layering import Base, Fill
from tenants.models import BaseTemplate, Retailer

AT_ONCE = 50  # schemas read by one statement


@dataclass(frozen=True)
class Misfit:
    """Something of a retailer's template that the base would have no place for any more."""

    template: str
    field: str
    message: str


@dataclass(frozen=True)
class Impact:
    """What is built on the base in one retailer. One that is pinned keeps the version it has."""

    retailer: Retailer
    templates: int
    is_pinned: bool
    misfits: tuple[Misfit, ...] = ()


@dataclass(frozen=True)
class _Frame:
    """What fills are held against: a base, and what each group says over it."""

    base: Base
    groups: Mapping[int | None, Fill]

    def problems(self, fills: Sequence[tuple[int | None, Fill]]) -> list[list[Problem]]:
        """Of each template, by the group of its retailer."""
        return examination.unfit_each(
            self.base, [([self.groups[group]] if group in self.groups else [], fill) for group, fill in fills]
        )


def impact(base: BaseTemplate, draft: Any = None) -> list[Impact]:
    """Of every active retailer below that builds on the base, by slug: how much, and what would not fit the draft.

    Without a draft, who builds on it. Raises Invalid for what cannot be published.
    """
    now, then = _frames(base, draft) if draft is not None else (None, None)
    below = _below(base)
    pinned = set(base.pins.filter(version__killed_at=None).values_list("retailer_id", flat=True)) if base.pk else set()
    found: dict[int, list[Any]] = {}
    for pk, *template in _read(_BUILT_ON, below, base.key):
        found.setdefault(pk, []).append(template)
    building = [each for each in below if each.pk in found]
    misfits = _misfits([(each, *template) for each in building for template in found[each.pk]], now, then)
    return [Impact(each, len(found[each.pk]), each.pk in pinned, tuple(misfits.get(each.pk, ()))) for each in building]


def built_on() -> Counter[tuple[int, str]]:
    """How many templates each retailer has on each base: by the retailer's id and the base's key."""
    found: Counter[tuple[int, str]] = Counter()
    for pk, key, number in _read(_COUNTED, list(Retailer.objects.active())):
        found[pk, key] = number
    return found


def _below(base: BaseTemplate) -> list[Retailer]:
    active = Retailer.objects.active().order_by("slug")
    return list(active.filter(group_id=base.group_id) if base.group_id else active)


def _frames(base: BaseTemplate, draft: Any) -> tuple[_Frame | None, _Frame]:
    """What counts for everybody now, and what the draft would make of it."""
    written = drafts.parse(base, draft)
    compiled, problems = drafts.examined(base, written)
    if problems:
        raise Invalid(problems)
    rows = BaseTemplate.objects.filter(key=base.key, live__isnull=False).select_related("live", "group")
    said = {row.group_id: row for row in rows}
    own = base.group_id if isinstance(written, BaseDocument) else None  # whose row the base itself is
    groups = {pk: _said(row) for pk, row in said.items() if pk != own}
    live = _loaded(said[own]) if own in said else None
    now = _Frame(live, groups) if live else None
    if compiled:
        return now, _Frame(compiled, groups)
    assert live, "a layer without a base has problems"
    assert isinstance(written, LayerDocument)
    return now, _Frame(live, groups | {base.group_id: drafts.fill(base, written)})


def _loaded(row: BaseTemplate) -> Base:
    return Base.load(row.live.compiled if row.live else {})


def _said(row: BaseTemplate) -> Fill:
    written: LayerDocument = parse(language_of.LAYER, row.live.document if row.live else {})
    return drafts.fill(row, written)


def _misfits(
    templates: Sequence[tuple[Retailer, str, str]], now: _Frame | None, then: _Frame | None
) -> dict[int, list[Misfit]]:
    """By retailer, of templates by key and document."""
    misfits: dict[int, list[Misfit]] = {}
    if then is None:
        return misfits
    fills = list[tuple[Retailer, str, Fill]]()
    for retailer, key, written in templates:
        try:
            document: TemplateDocument = parse(language_of.TEMPLATE, json.loads(written))
        except Invalid as invalid:  # published under other rules
            misfits.setdefault(retailer.pk, []).append(Misfit(key, "", f"it cannot be read any more: {invalid}"))
        else:
            fills.append((retailer, key, Fill.of("this template", document)))
    placed = [(retailer.group_id, fill) for retailer, _, fill in fills]
    before = now.problems(placed) if now else [[] for _ in placed]
    for (retailer, key, _), were, problems in zip(fills, before, then.problems(placed), strict=True):
        known = {(each.field, each.code) for each in were if each.code not in examination.UNANSWERED}
        misfits.setdefault(retailer.pk, []).extend(
            Misfit(key, each.field, each.message) for each in problems if (each.field, each.code) not in known
        )
    return misfits


def _read(part: sql.SQL, retailers: list[Retailer], key: str = "") -> Iterator[tuple[Any, ...]]:
    for start in range(0, len(retailers), AT_ONCE):
        parts = [
            part.format(retailer=sql.Literal(each.pk), schema=sql.Identifier(each.schema_name), key=sql.Literal(key))
            for each in retailers[start : start + AT_ONCE]
        ]
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(" UNION ALL ").join(parts))
            yield from cursor.fetchall()


# Schema names are quoted identifiers that we generated. Of each template: as published, or as it is written.
_BUILT_ON = sql.SQL("""
SELECT {retailer}, template.key,
    CASE WHEN version.document ->> 'base' = {key} THEN version.document ELSE
        jsonb_build_object('channel', template.channel, 'base', template.base, 'slots', template.slots,
                           'blocks', template.blocks, 'translations', template.translations) END ::text
FROM {schema}.campaigns_template template
LEFT JOIN {schema}.campaigns_templateversion version ON version.id = template.live_id
WHERE template.base = {key}
""")
_COUNTED = sql.SQL("""
SELECT {retailer}, template.base, count(*) FROM {schema}.campaigns_template template
WHERE template.base <> '' GROUP BY template.base
""")
