"""Sender domains: how far their warm-up is, and what their DNS says."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from delivery.models import SenderDomain
from delivery.senders import in_use, reserved
from delivery.views import sender_page
from delivery.warmup import standing
from tenants import context
from tenants.accounts.models import Role
from tenants.console import ReadOnly, needs, retailer_console

TONES = {"ok": "c-good", "hint": "c-good", "warning": "c-warn", "error": "c-bad", "warming": "c-good", "held": "c-warn"}
_STATES = {"ok": "as it should be", "hint": "as it should be", "error": "must be put right", "unknown": "no answer"}


@admin.register(SenderDomain, site=retailer_console)
class SenderDomainAdmin(ReadOnly):
    list_display = ("domain", "warming", "today", "dns")
    ordering = ("domain",)
    when_empty = "No domain yet: the brand says whom mail is from."

    @admin.display(description="Warm-up", ordering="warm_up")
    def warming(self, sender: SenderDomain) -> SafeString:
        return label(str(sender.get_warm_up_display()).lower(), sender.warm_up)

    @admin.display(description="Today")
    def today(self, sender: SenderDomain) -> str:
        used, most = standing.day(sender, now=timezone.now(), zone=context.current().tzinfo)
        return "no bound" if most is None else f"{used:,} of {most:,}"

    @admin.display(description="DNS")
    def dns(self, sender: SenderDomain) -> SafeString:
        if reserved.why(sender.domain):
            return label("not looked up: a local name", "")
        state = sender.findings.get("state", "")
        return label(_STATES.get(state, state) or "not looked up yet", state)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        in_use.known()
        response: HttpResponse = super().changelist_view(request, extra_context)
        return response

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        return sender_page.page(request, int(object_id) if object_id.isdecimal() else 0)

    def get_urls(self) -> list[URLPattern]:
        def post(route: str, view: Any, **given: str) -> URLPattern:
            guarded = self.admin_site.admin_view(needs(Role.ADMIN, require_POST(view)))
            name = f"delivery_senderdomain_{route.replace('-', '_')}"
            return path(f"<int:pk>/{route}/", guarded, given, name=name)

        acts = [post(name, sender_page.act, name=name) for name in ("begin", "hold", "go-on")]
        looks = [post("check", sender_page.check), post("selectors", sender_page.write_selectors)]
        return [*acts, *looks, *super().get_urls()]


def label(words: str, state: str) -> SafeString:
    return format_html('<span class="c-badge {}">{}</span>', TONES.get(state, ""), words)
