"""Suppressed addresses: seen, added by hand, taken back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from campaigns.ingest import fields
from campaigns.models import Suppression
from tenants.console import ConsoleAdmin, retailer_console


class SuppressionForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Suppression
        fields = ["channel", "address"]

    def clean_address(self) -> str:
        """E-mail addresses are compared in the form in which customers' are stored."""
        address: str = self.cleaned_data["address"].strip()
        if self.cleaned_data.get("channel") != "email":
            return address
        try:
            return fields.email(address)
        except fields.Invalid as invalid:
            raise ValidationError(f"The address {invalid}.") from None


@admin.register(Suppression, site=retailer_console)
class SuppressionAdmin(ConsoleAdmin):
    form = SuppressionForm
    list_display = ("address", "channel", "reason", "source", "created_at")
    list_filter = ("channel", "reason")
    search_fields = ("address",)
    search_help_text = "Address"
    ordering = ("-created_at",)
    actions = ("delete_selected",)
    fields = ("channel", "address", "reason", "source", "created_at")
    readonly_fields = ("reason", "source", "created_at")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.fields if obj else ("channel", "address")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Suppression, form: Any, change: bool) -> None:
        obj.reason, obj.source = Suppression.Reason.MANUAL, str(request.user)
        super().save_model(request, obj, form, change)
