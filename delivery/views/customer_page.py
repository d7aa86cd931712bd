"""What a customer's page shows beside the form: who it is, what they agreed to, what they bought, where they belong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from campaigns import belonging, suppressions
from campaigns.models import AttributeDefinition, Consent, Customer, Facts, Suppression
from campaigns.models.customers import Channel
from delivery import timeline
from tenants.models import PlatformSuppression

CHANNELS = (Channel.EMAIL, Channel.SMS, Channel.PUSH)
REFUSED_CONSENT = "refused consent"  # what the session keeps of a form until its page is shown again
_FIELDS = {Channel.EMAIL: "email", Channel.SMS: "phone"}


@dataclass(frozen=True)
class Standing:
    """One channel of a customer: where it leads, whether it may be used, and in words why not."""

    channel: str
    label: str
    address: str
    may_write: bool
    words: str
    withdrawn: list[str]


def shown(request: HttpRequest, customer: Customer) -> dict[str, Any]:
    """Everything the page needs; thirteen statements, whatever the history."""
    stream = timeline.page(customer, show=request.GET.get("show", ""), before=request.GET.get("before", ""))
    facts = Facts.objects.filter(pk=customer.pk).first()
    return {
        "customer": customer,
        "standings": _standings(customer),
        "belonging": belonging.of(customer, as_of=timezone.now()),
        "orders": _orders(facts),
        "attributes": _attributes(customer),
        "stream": stream,
        "stream_filters": timeline.filters(stream.shown),
        "is_first_page": "before" not in request.GET,
        "suppressible": [channel for channel in _FIELDS if getattr(customer, _FIELDS[channel])],
        "channels": CHANNELS,
        "typed": _typed(request, customer),
    }


def _typed(request: HttpRequest, customer: Customer) -> dict[str, Any]:
    """What was typed of a consent that was refused just now; the next look has forgotten it."""
    found: dict[str, Any] = request.session.pop(REFUSED_CONSENT, None) or {}
    return found if found.get("customer") == customer.pk else {}


def _standings(customer: Customer) -> list[Standing]:
    """One for each channel; three statements."""
    barred = {each.channel: each for each in suppressions.standing(customer)}
    everywhere = {each.channel: each for each in PlatformSuppression.objects.filter(timeline.addresses(customer))}
    current = list(customer.consents.filter(is_current=True))
    return [
        _standing(customer, channel, barred.get(channel) or everywhere.get(channel), current) for channel in CHANNELS
    ]


def _standing(
    customer: Customer, channel: Channel, barred: Suppression | PlatformSuppression | None, current: list[Consent]
) -> Standing:
    address = getattr(customer, _FIELDS[channel]) if channel in _FIELDS else ""
    agreed = bool(getattr(customer, f"consent_{channel}"))
    said = next((each for each in current if each.channel == channel and not each.topic), None)
    withdrawn = sorted(each.topic for each in current if each.channel == channel and each.topic and not each.is_granted)
    words = _words(channel, address, agreed, barred)
    if not words and said:
        words = f"agreed on {said.said_at:%-d %b %Y}{f', {said.source}' if said.source else ''}"
    may_write = agreed and not barred and (bool(address) or channel not in _FIELDS)
    return Standing(channel, channel.label, address, may_write, words or "agreed", withdrawn)


def _words(channel: Channel, address: str, agreed: bool, barred: Suppression | PlatformSuppression | None) -> str:
    """Why the channel may not be used; empty when it may."""
    if barred:
        by = "the platform" if isinstance(barred, PlatformSuppression) else "us"
        return f"suppressed by {by}: {barred.get_reason_display().lower()}, {barred.created_at:%-d %b %Y}"
    if not agreed:
        return "has not agreed"
    return "no address" if not address and channel in _FIELDS else ""


def _orders(facts: Facts | None) -> list[tuple[str, Any]]:
    if facts is None or not facts.order_count:
        found: list[tuple[str, Any]] = [("Orders", "none yet")]
    else:
        total = facts.order_value / 10_000
        found = [("Orders", f"{facts.order_count:,}"), ("In total", f"{total:,.2f}")]
        found += [("Average", f"{total / facts.order_count:,.2f}"), ("First", facts.first_order_at)]
        found += [("Latest", facts.order_1_at)]
    reacted = {channel: getattr(facts, f"engaged_{channel}_at", None) for channel in CHANNELS}
    return found + [(f"Last reacted by {channel.label}", at) for channel, at in reacted.items() if at]


def _attributes(customer: Customer) -> list[dict[str, Any]]:
    """Declared ones first, each with its type, also where the customer has no value; then whatever else there is."""
    declared = list(AttributeDefinition.objects.order_by("name"))
    names = {each.name for each in declared}
    found = [
        {"name": each.name, "type": each.get_type_display(), "about": each.description,
         "value": _told(customer.attributes.get(each.name))}
        for each in declared
    ]  # fmt: skip
    others = sorted(name for name in customer.attributes if name not in names)
    return found + [{"name": name, "type": "", "value": _told(customer.attributes[name])} for name in others]


def _told(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,g}" if isinstance(value, float) else value
