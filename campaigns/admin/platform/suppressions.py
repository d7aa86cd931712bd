"""The platform's list of suppressed addresses: named by their hash alone; added, and taken off again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminTextInputWidget

from campaigns import suppressions
from campaigns.admin.suppression_lists import AddressForm, ListAdmin
from campaigns.config.gate import Invalid
from campaigns.suppressions import Addresses
from tenants import suppressions as listed
from tenants.accounts.models import Role
from tenants.console import platform_console
from tenants.models import PlatformSuppression

_PREFIX = re.compile(r"[0-9a-f]{4,64}")


class PlatformSuppressionForm(AddressForm):
    read = suppressions.one
    address = forms.CharField(
        max_length=254,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Only its fingerprint is kept (SHA-256). A ready one, of 64 hexadecimal digits, is taken as it is.",
    )

    class Meta:
        model = PlatformSuppression
        fields = ["channel", "reason"]


@admin.register(PlatformSuppression, site=platform_console)
class PlatformSuppressionAdmin(ListAdmin):
    form = PlatformSuppressionForm
    list_display = ("fingerprint", "channel", "reason", "source", "since")
    search_fields = ("source",)
    search_help_text = "A whole address, or the first digits of a fingerprint"
    when_empty = (
        "No address is suppressed for every retailer. Add those that the law, a bounce or a complaint rules out."
    )
    add_label = "Suppress an address everywhere"
    ordering = ("-pk",)
    show_full_result_count = False
    to_change = Role.ADMIN
    on_adding = ("channel", "address", "reason")
    shown_fields = ("fingerprint", "channel", "reason", "source", "created_at")
    readonly_fields = ("fingerprint", "source", "created_at")

    @admin.display(description="Fingerprint")
    def fingerprint(self, row: PlatformSuppression) -> str:
        return bytes(row.address_hash).hex()[:12]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PlatformSuppression], search_term: str
    ) -> tuple[QuerySet[PlatformSuppression], bool]:
        return (queryset & _found(search_term.strip().lower()) if search_term else queryset), False

    def save_model(self, request: HttpRequest, obj: PlatformSuppression, form: Any, change: bool) -> None:
        addresses: Addresses = form.cleaned_data["address"]
        suppressions.platform.put(addresses, reason=obj.reason, source=str(request.user))
        transaction.on_commit(partial(_tell, request, addresses))
        obj.pk = PlatformSuppression.objects.get(channel=obj.channel, address_hash=next(iter(addresses.by_hash))).pk

    def lift(self, request: HttpRequest, rows: Iterable[PlatformSuppression]) -> None:
        for addresses in suppressions.by_channel((row.channel, bytes(row.address_hash), "") for row in rows):
            suppressions.platform.take_off(addresses)
            transaction.on_commit(partial(_tell, request, addresses))


def _found(term: str) -> QuerySet[PlatformSuppression]:
    """By the beginning of a hash, or by an address of any channel."""
    if _PREFIX.fullmatch(term):
        return listed.beginning(term)
    hashes: list[bytes] = []
    for channel in suppressions.platform.CHANNELS:
        try:
            hashes += suppressions.one(channel, term).by_hash
        except Invalid:
            continue
    return PlatformSuppression.objects.filter(address_hash__in=hashes)


def _tell(request: HttpRequest, addresses: Addresses) -> None:
    """Once the list stands as it shall: retailers wait for their own turn only."""
    if failed := suppressions.platform.tell(addresses):
        messages.warning(
            request,
            f"The facts of {', '.join(failed)} could not be told and are put right tonight. Nothing is sent meanwhile: "
            "every message is held against this list at its hand-over.",
        )
