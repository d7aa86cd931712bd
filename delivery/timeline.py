"""What a customer did, was sent and said, and what was barred: one stream, newest first, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.urls import reverse

from campaigns import suppressions
from campaigns.models import Consent, Customer, Event, Suppression
from delivery.models import Message
from tenants.models import PlatformSuppression

PAGE = 30
EVENT, MESSAGE, CONSENT, SUPPRESSION, PLATFORM = range(5)
NAMES = ("event", "message", "consent", "suppression", "platform_suppression")
FILTERS = {
    "": ("Everything", (EVENT, MESSAGE, CONSENT, SUPPRESSION, PLATFORM)),
    "events": ("What they did", (EVENT,)),
    "messages": ("Messages", (MESSAGE,)),
    "consents": ("Consent", (CONSENT,)),
    "suppressions": ("Suppressions", (SUPPRESSION, PLATFORM)),
}


@dataclass(frozen=True)
class Page:
    """`entries` are ready to be drawn; `older` is where the next page begins, empty on the last."""

    entries: list[dict[str, Any]]
    shown: str
    older: str


def page(customer: Customer, *, show: str = "", before: str = "") -> Page:
    """One statement for the order, and one for each kind that comes up on the page: six, whatever the history."""
    show = show if show in FILTERS else ""
    kinds = FILTERS[show][1]
    rows = {kind: _placed(kind, _rows(kind, customer), _cursor(before)) for kind in kinds}
    first, *others = rows.values()
    found = list(first.union(*others, all=True).order_by("-at", "-kind", "-place")[: PAGE + 1])
    told = {kind: _told(kind, [place for _, each, place in found[:PAGE] if each == kind]) for kind in kinds}
    entries = [
        told[kind][place] | {"at": at, "kind": NAMES[kind]} for at, kind, place in found[:PAGE] if place in told[kind]
    ]
    last = found[PAGE - 1] if len(found) > PAGE else None
    return Page(entries, show, f"{last[0].isoformat()}_{last[1]}_{last[2]}" if last else "")


def _rows(kind: int, customer: Customer) -> QuerySet[Any]:
    """The rows of a kind that concern the customer, each with its moment."""
    if kind == EVENT:
        return Event.objects.filter(customer_id=customer.pk).annotate(at=F("occurred_at"))
    if kind == MESSAGE:
        return Message.objects.filter(customer_id=customer.pk).annotate(at=Coalesce("settled_at", "send_at"))
    if kind == CONSENT:
        return Consent.objects.filter(customer_id=customer.pk).annotate(at=F("said_at"))
    if kind == SUPPRESSION:
        return suppressions.standing(customer).annotate(at=F("created_at"))
    return PlatformSuppression.objects.filter(addresses(customer)).annotate(at=F("created_at"))


def addresses(customer: Customer) -> Q:
    email = Q(channel="email", address_hash=suppressions.hashed(customer.email))
    return email | Q(channel="sms", address_hash=suppressions.hashed(customer.phone))


def _placed(kind: int, rows: QuerySet[Any], cursor: tuple[datetime, int, int] | None) -> QuerySet[Any]:
    """Moment, kind and key, of what comes after the cursor: of one moment, higher kinds and keys come first."""
    if cursor is not None:
        at, of_kind, key = cursor
        same = Q(at=at) if kind < of_kind else Q(at=at, pk__lt=key) if kind == of_kind else Q(pk__in=[])
        rows = rows.filter(Q(at__lt=at) | same)
    return rows.order_by().annotate(kind=Value(kind), place=F("pk")).values_list("at", "kind", "place")


def _cursor(text: str) -> tuple[datetime, int, int] | None:
    """None for the first page, and for what is no cursor of ours."""
    at, _, rest = text.partition("_")
    kind, _, key = rest.partition("_")
    try:
        found = datetime.fromisoformat(at), int(kind), int(key)
    except ValueError:
        return None
    return found if found[0].tzinfo and -1 < found[1] < 5 and 0 <= found[2] < 2**63 else None


# -- how each kind is told ---------------------------------------------------------------------------------------------
def _told(kind: int, keys: list[int]) -> dict[int, dict[str, Any]]:
    if not keys:
        return {}
    known, tell = _KINDS[kind]
    return {row.pk: tell(row) for row in known().filter(pk__in=keys)}


def _event(event: Event) -> dict[str, Any]:
    amount = f"{event.value:,.2f} {event.currency}".strip() if event.value is not None else ""
    details = ", ".join(f"{name} {value}" for name, value in list(event.properties.items())[:5])
    return {"icon": "bolt", "what": event.name, "said": " · ".join(filter(None, [amount, details]))}


def _message(message: Any) -> dict[str, Any]:
    is_told = message.state not in ("accepted", "delivered")
    where = f"{message.get_channel_display()}, step {message.step}, variant {message.variant}"
    return {
        "icon": "mail" if message.channel == "email" else "sms",
        "what": message.run.campaign.name,
        "said": " · ".join(filter(None, [where, message.reason if is_told else ""])),
        "state": message.state,
        "url": reverse("admin:delivery_message_change", args=[message.pk]),
    }


def _consent(consent: Consent) -> dict[str, Any]:
    said = "Agreed to" if consent.is_granted else "Took back"
    about = f"{consent.get_channel_display()}{f' about {consent.topic}' if consent.topic else ''}"
    return {
        "icon": "check_circle" if consent.is_granted else "do_not_disturb_on",
        "what": f"{said} {about}",
        "said": " · ".join(filter(None, [consent.source, f"recorded by {consent.by}" if consent.by else ""])),
        "proof": consent.text,
        "note": "" if consent.is_current else "superseded",
    }


def _suppression(suppression: Suppression) -> dict[str, Any]:
    return {
        "icon": "block",
        "what": f"Suppressed by {suppression.get_channel_display()}",
        "said": " · ".join(filter(None, [suppression.get_reason_display(), suppression.source])),
        "url": reverse("admin:campaigns_suppression_change", args=[suppression.pk]),
    }


def _platform(suppression: PlatformSuppression) -> dict[str, Any]:
    return {
        "icon": "block",
        "what": f"Suppressed by {suppression.get_channel_display()} at every retailer",
        "said": f"{suppression.get_reason_display()} · the platform's list",
    }


_KINDS: dict[int, tuple[Callable[[], QuerySet[Any]], Callable[[Any], dict[str, Any]]]] = {
    EVENT: (Event.objects.all, _event),
    MESSAGE: (lambda: Message.objects.select_related("run__campaign"), _message),
    CONSENT: (Consent.objects.all, _consent),
    SUPPRESSION: (Suppression.objects.all, _suppression),
    PLATFORM: (PlatformSuppression.objects.all, _platform),
}


def filters(shown: str) -> Iterable[dict[str, Any]]:
    """The choices above the stream."""
    return [{"value": value, "label": label, "is_on": value == shown} for value, (label, _) in FILTERS.items()]
