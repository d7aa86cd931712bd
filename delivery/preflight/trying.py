"""Messages rendered for real people to see for whom it cannot be done; apart, as whatever somebody waits for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from campaigns import content
from campaigns.config.campaign import CampaignConfig, Step, Variant
from campaigns.editions import Published, Sources
from campaigns.models import Brand, Customer
from campaigns.recommendations import Picks
from delivery import confined, previews, rendering
from delivery.channelled import Renderer, Speaker
from delivery.channels.base import Content as Said

_AT_ONCE = 20  # people whose messages a child is asked for together


@dataclass(frozen=True)
class Tried:
    """A variant for a customer: why it cannot be rendered, or what it says by another channel than e-mail."""

    variant: str
    customer: Customer
    problem: str = ""
    said: Said | None = None


def tried(
    config: CampaignConfig,
    step: Step,
    template: Published,
    customers: Iterable[Customer],
    *,
    brand: Brand,
    picks: Picks | None = None,
) -> Iterator[Tried]:
    """Every variant of a step for each customer: what cannot be rendered, and what another channel than e-mail says.

    Rendered apart, some people at once. `picks` are their products, for a template that shows any.
    """
    shared = previews.shared((config.key, config.name), brand)
    speakers = {} if step.channel == "email" else _speakers(step, template, brand)
    waiting = iter(customers)
    while people := list(islice(waiting, _AT_ONCE)):
        by_locale: dict[str, list[Customer]] = {}
        for customer in people:
            by_locale.setdefault(customer.locale or "", []).append(customer)
        for variant in step.variants:
            for locale, some in by_locale.items():
                if speakers:
                    yield from _said_to(some, variant, speakers[variant.key].to(locale), shared, picks)
                else:
                    yield from _failing(some, variant, template.sources(variant, locale), shared, picks)


def _failing(
    people: Sequence[Customer], variant: Variant, said: Sources, shared: Mapping[str, Any], picks: Picks | None
) -> Iterator[Tried]:
    sources = {"subject": said.subject, "html": said.html, "text": said.text}
    persons = [previews.whom(customer) | _picked(picks, customer) for customer in people]
    made = confined.each(sources, {**shared, "content": dict(said.content)}, persons)
    for customer, found in zip(people, made, strict=True):
        if isinstance(found, rendering.RenderError):
            yield Tried(variant.key, customer, str(found))


def _said_to(
    people: Sequence[Customer], variant: Variant, speaker: Renderer, shared: Mapping[str, Any], picks: Picks | None
) -> Iterator[Tried]:
    persons = [previews.whom(customer) | _picked(picks, customer) for customer in people]
    made = confined.each(speaker.sources, {**shared, "content": dict(variant.content)}, persons)
    for customer, found in zip(people, made, strict=True):
        try:
            if isinstance(found, rendering.RenderError):
                raise found
            said = speaker.finished(found, address=previews.address_of(customer, speaker.channel))
        except rendering.RenderError as error:
            yield Tried(variant.key, customer, str(error))
        else:
            yield Tried(variant.key, customer, said=said)


def _speakers(step: Step, template: Published, brand: Brand) -> dict[str, Speaker]:
    texting = content.texting(brand)
    document = template.version.document
    return {variant.key: Speaker(document, texting, title=variant.subject or "") for variant in step.variants}


def _picked(picks: Picks | None, customer: Customer) -> dict[str, Any]:
    return {"products": picks.for_customer(customer.pk)} if picks else {}
