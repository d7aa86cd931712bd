"""A base as its author sees it: rendered by the code that sends it, in a retailer's brand, for somebody made up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from campaigns import bases, layering
from campaigns.bases import drafts
from campaigns.config.gate import Invalid, parse
from campaigns.config.template import LAYER, BaseDocument, LayerDocument
from campaigns.layering import Base, Fill
from campaigns.models import Customer
from delivery import previews
from delivery.previews import Preview
from delivery.rendering import Content
from tenants import context
from tenants.models import BaseTemplate, Retailer

NOBODY = {"first_name": "Ana", "last_name": "Ferreira", "city": "Leeds", "country": "GB", "email": "ana@example.com"}


def preview(base: BaseTemplate, draft: Any, retailer: Retailer) -> Preview:
    """A draft with what it says itself in every slot; over or below it what counts now. Raises Invalid."""
    written = drafts.parse(base, draft)
    if problems := drafts.problems(base, written):
        raise Invalid(problems)
    below, fills = _layers(base, written, retailer)
    made = layering.resolve(below, fills)
    with context.in_retailer(retailer):
        return previews.of_sources(Content(made.subject, made.html, made.text), Customer(**NOBODY), made.content)


def _layers(base: BaseTemplate, written: BaseDocument | LayerDocument, retailer: Retailer) -> tuple[Base, list[Fill]]:
    if isinstance(written, BaseDocument):
        return layering.compile_base(written)[0], _over(base, retailer)
    below = drafts.platforms(base.key)
    assert below, "a layer without a base has problems"
    return below, [drafts.fill(base, written)]


def _over(base: BaseTemplate, retailer: Retailer) -> list[Fill]:
    """What the retailer's group says over the platform's base."""
    group = retailer.group if base.group_id is None else None
    row = bases.find(base.key, group) if group else None
    if row is None or row.live is None:
        return []
    said: LayerDocument = parse(LAYER, row.live.document)
    return [drafts.fill(row, said)]


def as_data(shown: Preview) -> Mapping[str, Any]:
    """For the page's script."""
    if shown.rendered is None:
        return {"problems": [{"field": "", "message": shown.problem}]}
    made = shown.rendered
    return {"subject": made.subject, "html": made.html, "text": made.text, "problems": []}
