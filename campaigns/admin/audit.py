"""The audit trail: every change of configuration, newest first, with what it changed. There is nothing to edit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html
from django.utils.safestring import SafeString

from campaigns import words
from campaigns.differences import Difference, differences
from campaigns.models import Campaign
from tenants.accounts.models import AuditEntry
from tenants.console import ReadOnly, retailer_console


@admin.register(AuditEntry, site=retailer_console)
class AuditAdmin(ReadOnly):
    called = "Audit trail"
    list_display = ("when", "who", "did", "subject", "door", "reason")
    list_filter = ("kind", "actor", "door")
    search_fields = ("key", "action", "reason")
    search_help_text = "Key of a campaign, segment or template; or words of a reason"
    list_per_page = 50
    show_full_result_count = False
    ordering = ("-pk",)
    when_empty = "Nothing has been changed yet. Every change will stand here: who, when, why, before and after."

    @admin.display(description="When", ordering="pk")
    def when(self, entry: AuditEntry) -> datetime:
        return entry.at

    @admin.display(description="Who", ordering="actor")
    def who(self, entry: AuditEntry) -> str:
        return entry.actor

    @admin.display(description="Did", ordering="action")
    def did(self, entry: AuditEntry) -> SafeString:
        return format_html('<span class="c-badge">{}</span>', entry.action)

    @admin.display(description="What")
    def subject(self, entry: AuditEntry) -> str:
        return f"{entry.kind} {entry.key}".strip()

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        entry = AuditEntry.objects.filter(pk=object_id).first() if object_id.isdecimal() else None
        if entry is None:
            raise Http404("There is no such entry.")
        is_campaign = entry.kind == "campaign"
        page = self.admin_site.each_context(request) | {
            "title": f"{entry.action.capitalize()} {entry.kind} {entry.key}".strip(),
            "entry": entry,
            "original": entry,
            "changes": changes(entry),
            "campaign": Campaign.objects.filter(key=entry.key).first() if is_campaign else None,
            "opts": self.opts,
        }
        return render(request, "console/audit_entry.html", page)


def changes(entry: AuditEntry) -> list[Difference]:
    """What it changed, in words for a campaign's configuration, field by field for anything else."""
    before, after = entry.before or {}, entry.after or {}
    if entry.kind == "campaign" and entry.action in ("create", "edit", "delete"):
        return differences(before, after)
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return [
            Difference(
                name, name.replace("_", " ").capitalize(), words.plain(before.get(name)), words.plain(after.get(name))
            )
            for name in dict.fromkeys([*before, *after])
            if before.get(name) != after.get(name)
        ]
    return [Difference("", "All of it", words.plain(before), words.plain(after))]
