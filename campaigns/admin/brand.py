"""The brand: one row, so its menu entry leads straight to the form."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.widgets import UnfoldAdminColorInputWidget, UnfoldAdminTextInputWidget

from campaigns import content, editing
from campaigns.forms.brand import BrandForm
from campaigns.models import Brand
from tenants.console import ConsoleAdmin, retailer_console

_LABELS = {
    "from_name": "Sender's name",
    "from_email": "Sender's address",
    "reply_to": "Replies go to",
    "logo_url": "Logo",
}


@admin.register(Brand, site=retailer_console)
class BrandAdmin(ConsoleAdmin):
    form = BrandForm
    asks_why = True
    fieldsets = (
        ("Who writes", {"fields": ("name", "from_name", "from_email", "reply_to")}),
        ("How it looks", {"fields": ("colour", "logo_url", "website")}),
        ("Small print", {"fields": ("postal_address",)}),
        (
            "What it earns",
            {
                "fields": ("currency",),
                "description": "Amounts that name no currency are in it, and spending is compared in it alone.",
            },
        ),
        ("SMS", {"fields": ("sms_currency", "sms_prices", "sms_stop")}),
        (
            "How it speaks",
            {
                "fields": ("banned_words", "disclaimers", "emoji", "exclamation_marks", "avoided_phrases"),
                "description": "Checked before every launch.",
            },
        ),
    )

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return redirect("admin:campaigns_brand_change", content.brand().pk)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "colour":
            kwargs["widget"] = UnfoldAdminColorInputWidget()
        if db_field.name in ("website", "logo_url"):
            kwargs["widget"] = UnfoldAdminTextInputWidget(attrs={"inputmode": "url", "placeholder": "https://"})
            kwargs["assume_scheme"] = "https"
        if db_field.name in _LABELS:
            kwargs["label"] = _LABELS[db_field.name]
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Brand, form: Any, change: bool) -> None:
        editing.save_brand(obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
