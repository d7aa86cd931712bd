"""A campaign's variants as panes, each with what it says instead of its template."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from campaigns.config.campaign import CampaignConfig, Step, Variant
from campaigns.editions import Published
from campaigns.models import Brand, Customer
from delivery import previews
from delivery.channels.base import PushContent
from delivery.previews import Preview
from delivery.showing import panes
from delivery.showing.panes import Difference, Pane

TEMPLATE = "the template"


def pane(
    config: CampaignConfig, step: Step, variant: Variant, template: Published, customer: Customer, *, brand: Brand
) -> Pane:
    """As `customer` would get it, with what the variant says instead of what is published of its template."""

    def without(field: str) -> Preview:
        """As the template alone would say it; where it has nothing to say there, with something that differs."""
        left_out = _render(_without(variant, field))
        return left_out if left_out.rendered else _render(_without(variant, field, instead=f"[{field}]"))

    def _render(other: Variant) -> Preview:
        return previews.of_variant(config, template, other, customer, brand=brand)

    shown = _render(variant)
    return panes.pane(
        name(config, step, variant),
        customer,
        shown,
        sender=brand.from_name,
        differences=tuple(_differences(variant, shown, without, _below(template, customer))),
        without=without,
    )


def name(config: CampaignConfig, step: Step, variant: Variant) -> str:
    return f"Variant {variant.key}" if len(config.steps) == 1 else f"Step {step.key}, variant {variant.key}"


def _below(template: Published, customer: Customer) -> Mapping[str, Any]:
    """What the template says in the slots of its base; one on its own leaves them to the campaign."""
    return template.sources(locale=customer.locale).content if template.layers else {}


def _differences(
    variant: Variant, shown: Preview, without: Callable[[str], Preview], content: Mapping[str, Any]
) -> Iterator[Difference]:
    if variant.subject:
        below = _subject(without("subject"))
        yield Difference("subject", "Subject", below, _subject(shown) or variant.subject, TEMPLATE)
    for slot, value in variant.content.items():
        said = panes.words(content[slot]) if slot in content else ""
        yield Difference(f"content.{slot}", panes.titled(slot), said, panes.words(value), TEMPLATE if said else "")


def _subject(preview: Preview) -> str:
    if isinstance(preview.said, PushContent):
        return preview.said.title
    return preview.rendered.subject if preview.rendered else ""


def _without(variant: Variant, field: str, *, instead: str = "") -> Variant:
    if field == "subject":
        return variant.model_copy(update={"subject": instead or None})
    said = {slot: value for slot, value in variant.content.items() if f"content.{slot}" != field}
    return variant.model_copy(update={"content": said | ({field.removeprefix("content."): instead} if instead else {})})
