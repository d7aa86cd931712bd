"""A test message: one variant, rendered for a customer, sent to a colleague. It is no part of any ledger."""

from __future__ import annotations

import uuid

from campaigns import content
from campaigns.config.campaign import CampaignConfig, Variant
from campaigns.editions import Published
from campaigns.models import Customer
from delivery import compose, previews, providers
from delivery.channels.base import Outbound, Outcome
from tenants.models import Retailer

SECONDS = 15.0  # a person waits for the answer


class CannotRender(ValueError):
    """The message cannot be rendered for this customer; the text says why."""


def send(
    retailer: Retailer, config: CampaignConfig, template: Published, customer: Customer, *, to: str
) -> list[tuple[Variant, Outcome]]:
    """One message per variant of the first step. Raises CannotRender, and ChannelUnavailable of delivery.channels."""
    variants = config.steps[0].variants
    outbound = [_outbound(config, template, variant, customer, to) for variant in variants]
    brand = content.brand()
    envelope = compose.envelope(template, brand)
    outcomes = providers.channel(retailer, config.steps[0].channel).send(envelope, outbound, seconds=SECONDS)
    return list(zip(variants, outcomes, strict=True))


def _outbound(config: CampaignConfig, template: Published, variant: Variant, customer: Customer, to: str) -> Outbound:
    shown = previews.of_variant(config, template, variant, customer)
    if shown.rendered is None:
        raise CannotRender(f"Variant {variant.key} for {customer}: {shown.problem}")
    rendered = shown.rendered
    return Outbound(str(uuid.uuid4()), to, f"[Test] {rendered.subject}", rendered.html, rendered.text)
