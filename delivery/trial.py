"""Test messages: what a campaign would say, rendered for one person and sent to colleagues, marked as tests.

Reads    the live templates, Brand, Suppression, Stop, AuditEntry
Writes   AuditEntry: that tests were sent, and how many
Promise  they are no part of any ledger or statistic; their links lead to a page that changes nothing; a retailer sends
         so many in an hour and no more, and none while sending is stopped
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from campaigns import content, editions, inspection, suppressions
from campaigns.config.campaign import CampaignConfig, Step, Variant
from campaigns.config.gate import Invalid, Problem
from campaigns.editions import Published
from campaigns.inspection import Around
from campaigns.models import Brand, Customer, Suppression
from campaigns.models.customers import Channel
from delivery import compose, confined, previews, providers
from delivery.channels import base as port
from delivery.channels.base import ChannelUnavailable, Outbound, Outcome, Result
from delivery.providers import hourly, stopped
from delivery.rendering import Content, RenderError
from tenants import context
from tenants.models import PlatformSuppression, Retailer

SECONDS = 15.0  # a person waits for the answer
MOST = 50  # addresses at once
PER_HOUR = hourly.MOST  # messages of a retailer
HEADER = "X-Bannerline-Test"
SUBJECT = "[Test] "
_KIND = "campaign"


class CannotRender(ValueError):
    """The message cannot be rendered for this customer; the text says why."""


@dataclass(frozen=True)
class Wanted:
    """What is tested, whom it is rendered for, and who gets it: addresses in normal form. `variants` are keys; none
    means all.
    """

    config: CampaignConfig
    customer: Customer
    addresses: Sequence[str]
    variants: Collection[str] = ()


@dataclass(frozen=True)
class Sent:
    """One test message, and what the provider said."""

    step: str
    variant: str
    address: str
    outcome: Outcome


def as_data(sent: Sent) -> dict[str, str]:
    """Plain JSON data, as the API tells it."""
    return {
        "step": sent.step,
        "variant": sent.variant,
        "to": sent.address,
        "result": str(sent.outcome.result),
        "detail": sent.outcome.detail,
    }


@dataclass(frozen=True)
class _Made:
    step: str
    variant: str
    published: Published
    outbound: Outbound


def send(retailer: Retailer, wanted: Wanted, *, now: datetime) -> list[Sent]:
    """One message per address, step and variant.

    Raises Invalid for addresses that must not be written to, variants that there are not, and more than the hour
    allows; CannotRender; and ChannelUnavailable of delivery.channels.
    """
    stopped.check(retailer)
    _check_addresses(wanted.addresses)
    brand = content.brand()
    config = wanted.config
    seen = inspection.around(config.key, config.name, config.topic, brand=brand)
    made = list(_made(wanted, seen))
    if not made:
        raise Invalid(
            [Problem("variants", "no step by e-mail has such a variant with a published template", "unknown")]
        )
    channel = providers.channel(retailer, Channel.EMAIL)
    hourly.count(_KIND, config.key, len(made), len(wanted.addresses), now=now)
    return list(_hand_over(channel, made, brand))


def _hand_over(channel: port.Channel, made: Sequence[_Made], brand: Brand) -> Iterator[Sent]:
    """Step by step: each template may have a sender of its own.

    Raises ChannelUnavailable when not one was handed over. Later refusals are outcomes: what went is told all the same.
    """
    halt: ChannelUnavailable | None = None
    for number, (_, of_step) in enumerate(groupby(made, key=lambda each: each.step)):
        batch = list(of_step)
        outcomes: Sequence[Outcome] = []
        if halt is None:
            try:
                envelope = compose.envelope(batch[0].published, brand)
                outcomes = channel.send(envelope, [each.outbound for each in batch], seconds=SECONDS)
            except compose.TemplateUnusable as gone:
                raise CannotRender(str(gone)) from None
            except ChannelUnavailable as refusal:
                if number == 0:
                    raise
                halt = refusal
        if halt:
            outcomes = [Outcome(each.outbound.key, Result.UNSENT, str(halt)) for each in batch]
        for each, outcome in zip(batch, outcomes, strict=True):
            yield Sent(each.step, each.variant, each.outbound.recipient, outcome)


def _made(wanted: Wanted, seen: Around) -> Iterator[_Made]:
    live = editions.live_of({step.template for step in wanted.config.steps}, context.current())
    for step in wanted.config.steps:
        template = live.get(step.template)
        if step.channel != "email" or template is None:
            continue
        for variant in step.variants:
            if not wanted.variants or variant.key in wanted.variants:
                yield from _of_variant(wanted, seen, step, template, variant)


def _of_variant(wanted: Wanted, seen: Around, step: Step, template: Published, variant: Variant) -> Iterator[_Made]:
    sources = template.sources(variant, wanted.customer.locale or "")
    said = {**seen.context(), **previews.whom(wanted.customer), "content": dict(sources.content)}
    if template.mentions("products", [variant]):
        said["products"] = previews.products(wanted.customer)
    try:
        rendered = confined.render(Content(sources.subject, sources.html, sources.text), said)
    except RenderError as error:
        raise CannotRender(f"Step {step.key}, variant {variant.key}, for {wanted.customer}: {error}") from None
    headers = {HEADER: "1", "List-Unsubscribe": f"<{seen.links[0]}>"}
    for address in wanted.addresses:
        subject = f"{SUBJECT}{rendered.subject}"
        outbound = Outbound(str(uuid.uuid4()), address, subject, rendered.html, rendered.text, headers)
        yield _Made(step.key, variant.key, template, outbound)


def _check_addresses(addresses: Sequence[str]) -> None:
    """Who complained or cannot be reached gets no tests either; who only unsubscribed asked for no campaigns."""
    if not 0 < len(addresses) <= MOST:
        raise Invalid([Problem("to", f"name one address at least, and {MOST} at most", "number")])
    by_hash = {suppressions.hashed(address): address for address in addresses}
    stand = Suppression.objects.filter(channel=Channel.EMAIL, address_hash__in=by_hash)
    refused = [*stand.exclude(reason=Suppression.Reason.UNSUBSCRIBED).values_list("address_hash", flat=True)]
    with context.on_platform():
        everywhere = PlatformSuppression.objects.filter(channel=Channel.EMAIL, address_hash__in=by_hash)
        refused += everywhere.values_list("address_hash", flat=True)
    if refused:
        named = ", ".join(sorted({by_hash[bytes(each)] for each in refused}))
        raise Invalid([Problem("to", f"{named} may not be written to: it is suppressed", "suppressed")])
