"""What a person will read, rendered by the code that sends it. Nothing is stored and nothing leaves the house."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from campaigns import channelled, content, language
from campaigns.config.campaign import CampaignConfig, Step, Variant
from campaigns.config.template import written
from campaigns.models import Brand, Customer, Template, TemplateVersion
from delivery import confined, rendering
from delivery.channelled import Speaker
from delivery.channels.base import Content as Said
from delivery.models import Message
from delivery.rendering import Content, Rendered
from tenants import context

NOWHERE = "#"  # the links of a preview lead nowhere: nobody is unsubscribed by looking


@dataclass(frozen=True)
class Preview:
    """A rendered message, or why this person's cannot be rendered. `said` is that of another channel than e-mail."""

    rendered: Rendered | None = None
    problem: str = ""
    said: Said | None = None


def of_template(template: Template, customer: Customer, texts: Mapping[str, Any]) -> Preview:
    """A template as it stands in the form. `texts` are the values of `content.*`."""
    if template.channel in channelled.CHANNELS:
        return _spoken(written(template), "", customer, texts, ("preview", "Preview"))
    text = template.text or content.plain_text(template.html)
    return _preview(Content(template.subject, template.html, text), customer, texts, ("preview", "Preview"))


def of_variant(
    config: CampaignConfig,
    template: TemplateVersion,
    variant: Variant,
    customer: Customer,
    *,
    brand: Brand | None = None,
) -> Preview:
    """What `customer` would get as this variant of a campaign; `brand` is for a caller who has just read it."""
    if template.document.get("channel") in channelled.CHANNELS:
        title, campaign = variant.subject or "", (config.key, config.name)
        return _spoken(template.document, title, customer, variant.content, campaign, brand)
    return _preview(_content(template, variant), customer, variant.content, (config.key, config.name), brand)


def errors(
    config: CampaignConfig, step: Step, template: TemplateVersion, customers: Iterable[Customer], *, brand: Brand
) -> Iterator[tuple[str, str, Customer]]:
    """(variant, problem, customer) wherever somebody's message of a step cannot be rendered."""
    shared = _shared((config.key, config.name), brand)
    if step.channel != "email":
        yield from _spoken_errors(step, template, customers, shared, brand)
        return
    for customer in customers:
        person = shared | _person(customer)
        for variant in step.variants:
            try:
                rendering.renderer(_content(template, variant)).render(person | {"content": variant.content})
            except rendering.RenderError as error:
                yield variant.key, str(error), customer


def _spoken_errors(
    step: Step, template: TemplateVersion, customers: Iterable[Customer], shared: Mapping[str, Any], brand: Brand
) -> Iterator[tuple[str, str, Customer]]:
    texting = content.texting(brand)
    speakers = [
        (variant, Speaker(template.document, texting, title=variant.subject or "")) for variant in step.variants
    ]
    for customer in customers:
        person, address = {**shared, **_person(customer)}, address_of(customer, step.channel)
        for variant, speaker in speakers:
            try:
                speaker.render(person | {"content": variant.content}, address=address)
            except rendering.RenderError as error:
                yield variant.key, str(error), customer


def of_message(message: Message) -> Preview:
    """A message of the ledger, from the content it was rendered with (or would be now) and the person of today."""
    config = (message.version or message.run.version).parsed()
    step = next(step for step in config.steps if step.key == message.step)
    variant = next(variant for variant in step.variants if variant.key == message.variant)
    versions = TemplateVersion.objects.filter(template__key=step.template)
    template = (
        versions.filter(content_hash=message.template_hash).first()
        or Template.objects.select_related("live").get(key=step.template).live
    )
    customer = Customer.objects.filter(pk=message.customer_id).first()
    if customer is None or template is None:
        gone = "The customer was erased" if customer is None else "The template is not published any more"
        return Preview(None, f"{gone}: there is nothing to show.")
    return of_variant(config, template, variant, customer)


def _preview(
    shown: Content,
    customer: Customer,
    texts: Mapping[str, Any],
    campaign: tuple[str, str],
    brand: Brand | None = None,
) -> Preview:
    try:
        said = _shared(campaign, brand or content.brand()) | _person(customer) | {"content": dict(texts)}
        return Preview(confined.render(shown, said))
    except rendering.RenderError as error:
        return Preview(None, str(error))


def _spoken(
    document: Mapping[str, Any],
    title: str,
    customer: Customer,
    texts: Mapping[str, Any],
    campaign: tuple[str, str],
    brand: Brand | None = None,
) -> Preview:
    """By another channel than e-mail: rendered apart, then made what the channel takes."""
    brand = brand or content.brand()
    try:
        renderer = Speaker(document, content.texting(brand), title=title).to(customer.locale or "")
        values = _shared(campaign, brand) | _person(customer) | {"content": dict(texts)}
        found = confined.parts(renderer.sources, values)
        return Preview(said=renderer.finished(found, address=address_of(customer, document["channel"])))
    except rendering.RenderError as error:
        return Preview(problem=str(error))


def address_of(customer: Customer, channel: str) -> str:
    """Where a preview's message would go, as far as that tells what it says."""
    return customer.phone or "" if channel == "sms" else ""


def _content(template: TemplateVersion, variant: Variant) -> Content:
    return Content(variant.subject or template.subject, template.html, template.text)


def _person(customer: Customer) -> dict[str, Any]:
    """Plain values only: a customer that was never saved has fields that wait for the database's default."""
    known = {name: getattr(customer, name) for name in language.VOCABULARY["customer"]}
    return {"customer": {name: value for name, value in known.items() if value and isinstance(value, str | dict)}}


def _shared(campaign: tuple[str, str], brand: Brand) -> dict[str, Any]:
    """What everybody's message may say."""
    retailer = context.current()
    return {
        "retailer": {name: getattr(retailer, name) for name in language.VOCABULARY["retailer"]},
        "brand": {name: value for name in language.VOCABULARY["brand"] if (value := getattr(brand, name))},
        "campaign": {"key": campaign[0], "name": campaign[1]},
        "unsubscribe_url": NOWHERE,
        "preferences_url": NOWHERE,
    }
