"""What a person will read, rendered by the code that sends it. Nothing is stored and nothing leaves the house."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.utils import timezone

from campaigns import channelled, content, editions, language, policies, recommendations
from campaigns.config.campaign import CampaignConfig, Step, Variant
from campaigns.config.gate import Invalid
from campaigns.config.template import written
from campaigns.editions import Published, Unpublished
from campaigns.models import Brand, Customer, Run, Template
from delivery import confined, likeness, rendering, tracking
from delivery.channelled import Speaker
from delivery.channels.base import Content as Said
from delivery.identity import Tokens
from delivery.likeness import Likeness
from delivery.models import Message
from delivery.rendering import Content, Rendered
from delivery.tracking import Tracker
from tenants import addresses, audit, context

_FORGOTTEN = (
    f"It showed products as they sold then, and that is kept for {recommendations.KEPT_DAYS} days: it cannot be shown "
    "again as it was."
)
NOWHERE = "#"  # the links of a preview lead nowhere: nobody is unsubscribed by looking


@dataclass(frozen=True)
class Sent:
    """When a message was sent, and in which run."""

    run: Run
    at: datetime
    ours: Mapping[str, str] = field(default_factory=dict)  # where our own links lead; nowhere without it
    tracker: Tracker | None = None  # links are counted by it, under `tokens`
    tokens: Tokens | None = None


@dataclass(frozen=True)
class Preview:
    """A rendered message, or why this person's cannot be rendered. `said` is that of another channel than e-mail.

    `left_out` is what a layer says that does not count: the field, whose word it is, and why. `attached` are the files
    that go along: name and bytes. `likeness` tells of a message that was sent how far this is what was read.
    """

    rendered: Rendered | None = None
    problem: str = ""
    said: Said | None = None
    left_out: tuple[tuple[str, str, str], ...] = ()
    attached: tuple[tuple[str, int], ...] = ()
    likeness: Likeness | None = None


def of_template(template: Template, customer: Customer, texts: Mapping[str, Any], *, locale: str = "") -> Preview:
    """A draft without problems as it stands in the form. `texts` are what a campaign might say as `content.*`.

    `locale` is another language than the customer's own to see it in.
    """
    try:
        published = editions.of_version(content.freeze(template), context.current())
    except (Unpublished, Invalid) as problem:
        return Preview(None, str(problem))
    brand = content.brand()
    values = shared(("preview", "Preview"), brand) | whom(customer)
    if published.mentions("products"):
        values["products"] = products(customer)
    if template.channel in channelled.CHANNELS:
        return _spoken(written(template), "", customer, values | {"content": dict(texts)}, brand)
    said = published.sources(locale=locale or customer.locale)
    shown = Content(said.subject, said.html, said.text)
    return _preview(shown, values | {"content": {**texts, **said.content}}, said.left_out, _attached(published))


def of_sources(shown: Content, customer: Customer, values: Mapping[str, Any]) -> Preview:
    """Sources that belong to no template yet; `values` are those of `content.*`."""
    said = shared(("preview", "Preview"), content.brand()) | whom(customer) | {"content": dict(values)}
    if any("products" in source for source in (shown.subject, shown.html, shown.text)):
        said["products"] = products(customer)
    return _preview(shown, said)


def of_variant(
    config: CampaignConfig,
    template: Published,
    variant: Variant,
    customer: Customer,
    *,
    brand: Brand | None = None,
    sent: Sent | None = None,
) -> Preview:
    """What `customer` would get as this variant of a campaign; `brand` is for a caller who has just read it.

    With `sent`, products are shown as they were picked then, and brand and retailer as they were.
    """
    brand = brand or (content.brand_as_of(sent.at) if sent else content.brand())
    values = shared((config.key, config.name), brand, sent) | (dict(sent.ours) if sent else {}) | whom(customer)
    if template.mentions("products", [variant]):
        if sent and not recommendations.is_kept(sent.at):
            return Preview(None, _FORGOTTEN)
        values["products"] = products(customer, sent)
    if template.version.document.get("channel") in channelled.CHANNELS:
        said = values | {"content": dict(variant.content)}
        return _spoken(template.version.document, variant.subject or "", customer, said, brand)
    if sent is None or (tracker := sent.tracker) is None:
        return _mail(template, variant, customer, values)
    locale = customer.locale or ""
    made = _mail(template, variant, customer, values, lambda html: tracker.wire(template, variant, html, locale))
    return _filled(made, sent, customer)


def of_marked(
    config: CampaignConfig,
    template: Published,
    variant: Variant,
    customer: Customer,
    marked: Callable[[str], str],
) -> Preview:
    """The same of an e-mail that has `marked` put marks into its HTML before it is rendered."""
    values = shared((config.key, config.name), content.brand()) | whom(customer)
    if template.mentions("products", [variant]):
        values["products"] = products(customer)
    return _mail(template, variant, customer, values, marked)


def _mail(
    template: Published,
    variant: Variant,
    customer: Customer,
    values: Mapping[str, Any],
    marked: Callable[[str], str] = str,
) -> Preview:
    said = template.sources(variant, customer.locale)
    shown = Content(said.subject, marked(said.html), said.text)
    return _preview(shown, {**values, "content": dict(said.content)}, said.left_out, _attached(template))


def of_message(message: Message, *, ours: Mapping[str, str] | None = None, tokens: Tokens | None = None) -> Preview:
    """A message of the ledger, from the content it was rendered with (or would be now), and the brand and the person as
    they were; `likeness` tells what that makes of it.

    `ours` is where our own links lead, by their name; nowhere without it. With the message's `tokens`, clicks are
    counted as those in the mail are.
    """
    config = (message.version or message.run.version).parsed()
    step = next(step for step in config.steps if step.key == message.step)
    variant = next(variant for variant in step.variants if variant.key == message.variant)
    customer = Customer.objects.filter(pk=message.customer_id).first()
    if customer is None:
        return Preview(None, "The customer was erased: there is nothing to show.")
    try:
        template = editions.recall(step.template, message.template_hash) or editions.live(
            step.template, context.current()
        )
    except Unpublished as unpublished:
        return Preview(None, f"{unpublished} There is nothing to show.")
    at = sent_at(message)
    tracker = _tracker(config, step, customer) if tokens and step.channel == "email" else None
    if at is None:
        return of_variant(config, template, variant, customer)
    then = likeness.known(customer, at)
    sent = Sent(message.run, at, ours or {}, tracker, tokens)
    made = of_variant(config, template, variant, then.customer, sent=sent)
    return replace(made, likeness=likeness.of(template, variant, then, at))


def sent_at(message: Message) -> datetime | None:
    """When its last attempt was put down, which is the one that counts; None where it was never handed over."""
    return message.outcomes.order_by("-epoch", "pk").values_list("at", flat=True).first()


def _tracker(config: CampaignConfig, step: Step, customer: Customer) -> Tracker:
    """Of clicks alone: whoever looks at a message in a browser has not opened the mail once more."""
    retailer = context.current()
    counted = tracking.tracker(
        retailer,
        config,
        step,
        base_url=addresses.links_url(retailer),
        policy=policies.effective(retailer),
        website=content.brand().website,
    )
    return replace(counted, opens=False).sparing([customer.pk])


def _filled(made: Preview, sent: Sent, customer: Customer) -> Preview:
    if made.rendered is None or sent.tracker is None or sent.tokens is None:
        return made
    html = sent.tracker.fill(made.rendered.html, sent.tokens, customer.pk)
    return replace(made, rendered=replace(made.rendered, html=html))


def _preview(
    shown: Content,
    values: Mapping[str, Any],
    left_out: tuple[tuple[str, str, str], ...] = (),
    attached: tuple[tuple[str, int], ...] = (),
) -> Preview:
    try:
        return Preview(confined.render(shown, values), left_out=left_out, attached=attached)
    except rendering.RenderError as error:
        return Preview(None, str(error))


def _attached(published: Published) -> tuple[tuple[str, int], ...]:
    return tuple((each["name"], each["bytes"]) for each in published.version.compiled.get("attachments", ()))


def _spoken(
    document: Mapping[str, Any], title: str, customer: Customer, values: Mapping[str, Any], brand: Brand
) -> Preview:
    """By another channel than e-mail: rendered apart, then made what the channel takes."""
    try:
        renderer = Speaker(document, content.texting(brand), title=title).to(customer.locale or "")
        found = confined.parts(renderer.sources, values)
        return Preview(said=renderer.finished(found, address=address_of(customer, document["channel"])))
    except rendering.RenderError as error:
        return Preview(problem=str(error))


def products(customer: Customer, sent: Sent | None = None) -> list[dict[str, Any]]:
    ids = [customer.pk] if customer.pk else []
    if sent:
        picks = recommendations.pick_again(ids, run=sent.run, at=sent.at)
    else:
        picks = recommendations.pick(ids, run=None, now=timezone.now())
    return picks.for_customer(customer.pk)


def address_of(customer: Customer, channel: str) -> str:
    """Where a preview's message would go, as far as that tells what it says."""
    return customer.phone or "" if channel == "sms" else ""


def _content(template: Published, variant: Variant, customer: Customer) -> tuple[Content, Mapping[str, Any]]:
    said = template.sources(variant, customer.locale)
    return Content(said.subject, said.html, said.text), said.content


def whom(customer: Customer) -> dict[str, Any]:
    """Plain values only: a customer that was never saved has fields that wait for the database's default."""
    known = {name: getattr(customer, name) for name in language.VOCABULARY["customer"]}
    return {"customer": {name: value for name, value in known.items() if value and isinstance(value, str | dict)}}


def shared(campaign: tuple[str, str], brand: Brand, sent: Sent | None = None) -> dict[str, Any]:
    """What everybody's message may say."""
    retailer = context.current()
    then = audit.as_of(sent.at, "retailer", "name") if sent else {}
    return {
        "retailer": {name: then.get(name) or getattr(retailer, name) for name in language.VOCABULARY["retailer"]},
        "brand": {name: value for name in language.VOCABULARY["brand"] if (value := getattr(brand, name))},
        "campaign": {"key": campaign[0], "name": campaign[1]},
        "unsubscribe_url": NOWHERE,
        "preferences_url": NOWHERE,
        "view_url": NOWHERE,
    }
