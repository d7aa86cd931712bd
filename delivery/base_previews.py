"""A base as its author sees it: rendered by the code that sends it, in a retailer's brand, for somebody made up."""

from __future__ import annotations

from typing import Any

from campaigns import bases, content, layering, publishing
from campaigns.bases import drafts
from campaigns.config.gate import Invalid, parse
from campaigns.config.template import LAYER, BaseDocument, LayerDocument
from campaigns.layering import Base, Fill
from campaigns.models import Customer
from delivery import previews
from delivery.rendering import Content
from delivery.showing import panes
from delivery.showing.panes import Pane
from tenants import context
from tenants.models import BaseTemplate, Retailer

NOBODY = {"first_name": "Ana", "last_name": "Ferreira", "city": "Leeds", "country": "GB", "email": "ana@example.com"}


def pane(base: BaseTemplate, draft: Any, retailer: Retailer) -> Pane:
    """A draft with what it says itself in every slot; over or below it what counts now. Raises Invalid."""
    written = drafts.parse(base, draft)
    compiled, problems = drafts.examined(base, written)
    if problems:
        raise Invalid(problems)
    below, fills = _layers(base, written, compiled, retailer)
    made, somebody = layering.resolve(below, fills), Customer(**NOBODY)
    page = publishing.with_preheader(made.html, made.preheader)
    with context.in_retailer(retailer):
        shown = previews.of_sources(Content(made.subject, page, made.text), somebody, made.content)
        return panes.pane(f"in the brand of {retailer}", somebody, shown, sender=content.brand().from_name)


def _layers(
    base: BaseTemplate, written: BaseDocument | LayerDocument, compiled: Base | None, retailer: Retailer
) -> tuple[Base, list[Fill]]:
    if isinstance(written, BaseDocument):
        assert compiled, "what does not compile has problems"
        return compiled, _over(base, retailer)
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
