"""Test messages: what a campaign would say, rendered for one person and sent to colleagues, marked as tests.

Reads    the live templates, Brand, Suppression, AuditEntry
Writes   AuditEntry: that tests were sent, and how many
Promise  they are no part of any ledger or statistic; their links lead to a page that changes nothing; a retailer sends
         so many in an hour and no more
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from django.db import connection, transaction

from campaigns import content, editions, inspection, suppressions
from campaigns.config.campaign import CampaignConfig, Step, Variant
from campaigns.config.gate import Invalid, Problem
from campaigns.editions import Published
from campaigns.inspection import Around
from campaigns.models import Brand, Customer, Suppression
from campaigns.models.customers import Channel
from delivery import compose, confined, previews, providers
from delivery.channels.base import Channel as Account
from delivery.channels.base import Outbound, Outcome
from delivery.rendering import Content, RenderError
from tenants import audit, context
from tenants.accounts.models import AuditEntry
from tenants.models import PlatformSuppression, Retailer

SECONDS = 15.0  # a person waits for the answer
MOST = 50  # addresses at once
PER_HOUR = 200  # messages of a retailer
HEADER = "X-Bannerline-Test"
SUBJECT = "[Test] "
_ACTION, _KIND = "test", "campaign"


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
    _count(config.key, len(made), len(wanted.addresses), now)
    return list(_hand_over(channel, made, brand))


def _hand_over(channel: Account, made: Sequence[_Made], brand: Brand) -> Iterator[Sent]:
    """Step by step: each template may have a sender of its own."""
    for _, of_step in groupby(made, key=lambda each: each.step):
        batch = list(of_step)
        envelope = compose.envelope(batch[0].published, brand)
        outcomes = channel.send(envelope, [each.outbound for each in batch], seconds=SECONDS)
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


@transaction.atomic
def _count(campaign: str, messages: int, addresses: int, now: datetime) -> None:
    """Note them before they go, so that the hour's bound holds for people who press at the same moment."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('tests'), hashtext(current_schema()))")
    lately = AuditEntry.objects.filter(kind=_KIND, action=_ACTION, at__gt=now - timedelta(hours=1))
    sent = sum((after or {}).get("messages", 0) for after in lately.values_list("after", flat=True))
    if sent + messages > PER_HOUR:
        told = f"{messages} more would be over the {PER_HOUR} tests that an hour allows ({sent} went)"
        raise Invalid([Problem("to", f"{told}: name fewer addresses, or wait a little", "too_many")])
    audit.note(_ACTION, _KIND, campaign, after={"messages": messages, "addresses": addresses})
