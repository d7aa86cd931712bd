"""Seed lists: whom tests go to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from campaigns import seedlists
from campaigns.admin.removal import RemovedByItsOwner
from campaigns.forms.seedlists import SeedListForm
from campaigns.models import SeedList
from tenants.console import retailer_console


@admin.register(SeedList, site=retailer_console)
class SeedListAdmin(RemovedByItsOwner):
    form = SeedListForm
    list_display = ("name", "number", "changed")
    search_fields = ("name", "key")
    ordering = ("name",)
    when_empty = "A seed list is whom tests go to: colleagues, and mailboxes of your own at the big providers."
    add_label = "Write a seed list"
    asks_why = True
    prepopulated_fields = {"key": ("name",)}
    fieldsets = ((None, {"fields": ("name", "key", "addresses")}),)

    @admin.display(description="Addresses")
    def number(self, seed_list: SeedList) -> int:
        return len(seed_list.addresses)

    @admin.display(description="Changed", ordering="updated_at")
    def changed(self, seed_list: SeedList) -> datetime:
        return seed_list.updated_at

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("key",) if obj else ()

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Any]:
        return {} if obj else self.prepopulated_fields

    def save_model(self, request: HttpRequest, obj: SeedList, form: Any, change: bool) -> None:
        seedlists.save(obj)

    def remove(self, obj: SeedList) -> None:
        seedlists.remove(obj)
