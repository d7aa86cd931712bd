"""What the list of a retailer and that of the platform have in common: rows come and go, and are never changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from campaigns.config.gate import Invalid
from tenants.console import ConsoleAdmin


class AddressForm(forms.ModelForm):  # type: ignore[type-arg]
    """`read` makes of channel and address what is kept; its Invalid is told at the field."""

    read: ClassVar[Callable[[str, str], Any]]

    def clean_address(self) -> Any:
        try:
            return type(self).read(self.cleaned_data.get("channel", ""), self.cleaned_data["address"])
        except Invalid as invalid:
            raise ValidationError([f"The address {problem.message}." for problem in invalid.problems]) from None


class ListAdmin(ConsoleAdmin):
    """`lift` takes rows off the list, however many at once. `on_adding` and `shown_fields` are those of its pages."""

    list_filter = ("channel", "reason")
    actions = ("delete_selected",)
    on_adding: ClassVar[tuple[str, ...]]
    shown_fields: ClassVar[tuple[str, ...]]

    def lift(self, request: HttpRequest, rows: Iterable[Any]) -> None:
        raise NotImplementedError

    @admin.display(description="Since", ordering="created_at")
    def since(self, row: Any) -> datetime:
        when: datetime = row.created_at
        return when

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.shown_fields if obj else self.on_adding

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.lift(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        self.lift(request, queryset)
