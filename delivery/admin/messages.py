"""The ledger: every message, its state, what the provider answered, and what the person read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString

from campaigns import content
from campaigns.models import Customer
from delivery import identity, previews
from delivery.admin.badges import badge
from delivery.models import Message
from delivery.previews import Preview
from delivery.showing import panes
from delivery.showing.panes import Pane
from delivery.views.run_progress import STATES
from tenants import context
from tenants.console import ReadOnly, retailer_console, scripts


@admin.register(Message, site=retailer_console)
class MessageAdmin(ReadOnly):
    list_display = ("number", "status", "person", "campaign", "step", "variant", "reason", "settled")
    list_filter = ("state", "channel")
    list_per_page = 50
    search_fields = ("=customer__external_id", "=customer__email")
    search_help_text = "Customer number or e-mail address, in full"
    show_full_result_count = False
    ordering = ("-pk",)
    when_empty = "No messages yet. They appear here when a campaign is launched."

    @admin.display(description="Message", ordering="pk")
    def number(self, message: Message) -> str:
        return f"{message.pk}"

    @admin.display(description="State", ordering="state")
    def status(self, message: Message) -> SafeString:
        return badge(message.state)

    @admin.display(description="Customer")
    def person(self, message: Any) -> str:
        return message.who or "erased"

    @admin.display(description="Campaign")
    def campaign(self, message: Message) -> str:
        return message.run.campaign.name

    @admin.display(description="Settled", ordering="settled_at")
    def settled(self, message: Message) -> datetime | None:
        return message.settled_at

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        return lookup in ("run", "run__id__exact", "customer", "reason") or super().lookup_allowed(
            lookup, value, request
        )

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Customers are looked up for the page only: the ledger outlives them, so there is nothing to join."""
        response: Any = super().changelist_view(request, extra_context)
        found = response.context_data["cl"].result_list if hasattr(response, "context_data") else []
        people = Customer.objects.in_bulk({message.customer_id for message in found})
        for message in found:
            message.who = str(people.get(message.customer_id, ""))
        return response

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("run__campaign")

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        known = Message.objects.select_related("run__campaign", "run__version")
        message = known.filter(pk=object_id).first() if object_id.isdecimal() else None
        if message is None:
            raise Http404("There is no such message.")
        customer = Customer.objects.filter(pk=message.customer_id).first()
        shown = previews.of_message(message)
        page = self.admin_site.each_context(request) | {
            "title": f"Message {message.pk}",
            "message": message,
            "original": message,
            "meaning": STATES[message.state],
            "customer": customer,
            "outcomes": message.outcomes.order_by("pk"),
            "public_id": identity.public_id(context.current(), message.pk),
            "pane": _pane(message, customer, shown),
            "likeness": shown.likeness,
            "media": scripts("pane.js", "run_progress.js"),
            "opts": self.opts,
        }
        return render(request, "console/message.html", page)


def _pane(message: Message, customer: Customer | None, shown: Preview) -> Pane:
    sent_at = previews.sent_at(message)
    brand = content.brand_as_of(sent_at) if sent_at else content.brand()
    return panes.pane("The message", customer or Customer(), shown, sender=brand.from_name)
