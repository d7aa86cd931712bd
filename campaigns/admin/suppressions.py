"""Suppressed addresses: seen, added by hand, taken back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from campaigns import suppressions
from campaigns.admin.suppression_lists import AddressForm, ListAdmin
from campaigns.models import Suppression
from tenants.console import retailer_console


class SuppressionForm(AddressForm):
    read = suppressions.normal  # addresses are compared in the form in which customers' are stored

    class Meta:
        model = Suppression
        fields = ["channel", "address"]


@admin.register(Suppression, site=retailer_console)
class SuppressionAdmin(ListAdmin):
    form = SuppressionForm
    list_display = ("shown", "channel", "reason", "source", "since")
    search_fields = ("address",)
    search_help_text = "Address"
    when_empty = "Nobody is suppressed. Unsubscribed, bounced and complaining addresses come here by themselves."
    add_label = "Suppress an address"
    ordering = ("-created_at",)
    on_adding = ("channel", "address")
    shown_fields = ("channel", "shown", "reason", "source", "created_at")
    readonly_fields = ("shown", "reason", "source", "created_at")

    @admin.display(description="Address", ordering="address")
    def shown(self, suppression: Suppression) -> str:
        return suppression.address or "an erased address"

    def save_model(self, request: HttpRequest, obj: Suppression, form: Any, change: bool) -> None:
        added, _ = suppressions.add(
            channel=obj.channel, address=obj.address, reason=Suppression.Reason.MANUAL, source=str(request.user)
        )
        obj.pk = added.pk

    def lift(self, request: HttpRequest, rows: Iterable[Suppression]) -> None:
        suppressions.lift(rows)
