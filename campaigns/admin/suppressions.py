"""Suppressed addresses: seen, added by hand, taken back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from campaigns import suppressions
from campaigns.config.gate import Invalid
from campaigns.models import Suppression
from tenants.console import ConsoleAdmin, retailer_console


class SuppressionForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Suppression
        fields = ["channel", "address"]

    def clean_address(self) -> str:
        """Addresses are compared in the form in which customers' are stored."""
        try:
            return suppressions.normal(self.cleaned_data.get("channel", ""), self.cleaned_data["address"])
        except Invalid as invalid:
            raise ValidationError([f"The address {problem.message}." for problem in invalid.problems]) from None


@admin.register(Suppression, site=retailer_console)
class SuppressionAdmin(ConsoleAdmin):
    form = SuppressionForm
    list_display = ("shown", "channel", "reason", "source", "since")
    list_filter = ("channel", "reason")
    search_fields = ("address",)
    search_help_text = "Address"
    when_empty = "Nobody is suppressed. Unsubscribed, bounced and complaining addresses come here by themselves."
    add_label = "Suppress an address"
    ordering = ("-created_at",)
    actions = ("delete_selected",)
    fields = ("channel", "shown", "reason", "source", "created_at")
    readonly_fields = ("shown", "reason", "source", "created_at")

    @admin.display(description="Address", ordering="address")
    def shown(self, suppression: Suppression) -> str:
        return suppression.address or "an erased address"

    @admin.display(description="Since", ordering="created_at")
    def since(self, suppression: Suppression) -> datetime:
        return suppression.created_at

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.fields if obj else ("channel", "address")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Suppression, form: Any, change: bool) -> None:
        added, _ = suppressions.add(
            channel=obj.channel, address=obj.address, reason=Suppression.Reason.MANUAL, source=str(request.user)
        )
        obj.pk = added.pk

    def delete_model(self, request: HttpRequest, obj: Suppression) -> None:
        suppressions.lift([obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Suppression]) -> None:
        suppressions.lift(queryset)
