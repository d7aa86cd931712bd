"""The two consoles: a retailer's own and the platform's. Both are named `admin`; the host decides which is served."""

from __future__ import annotations

from typing import Any

from django.forms import Media, Script
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from tenants import context
from tenants.accounts.first_password import FirstPasswordView


class Console(UnfoldAdminSite):
    """What both consoles share."""

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        if request.user.is_authenticated and not request.user.has_usable_password():
            shown = self.each_context(request) | {"title": "Your password"} | (extra_context or {})
            return FirstPasswordView.as_view(success_url=reverse("admin:index"), extra_context=shown)(request)
        response: HttpResponseBase = super().password_change(request, extra_context)
        return response


class RetailerConsole(Console):
    """Where marketers work. Knows only the tables of a retailer's schema."""

    index_title = "Overview"
    index_template = "console/overview.html"
    enable_nav_sidebar = True

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        retailer = context.current()
        named = {"retailer": retailer, "site_header": retailer.name, "site_title": retailer.name}
        return super().each_context(request) | named


class PlatformConsole(Console):
    """Where staff work: retailers, the agenda, schedules, the built-in inbox."""

    settings_name = "UNFOLD_PLATFORM"
    index_title = "Fleet"
    index_template = "console/fleet.html"


def scripts(*names: str) -> Media:
    """Our own scripts for a page, run once the page is read."""
    return Media(js=[Script(f"marketing/{name}", defer=True) for name in names])  # type: ignore[misc]


retailer_console = RetailerConsole(name="admin")
platform_console = PlatformConsole(name="admin")


class ConsoleAdmin(ModelAdmin):
    """A screen that everyone who may sign in to its console may use."""

    warn_unsaved_form = True
    list_filter_submit = True
    actions: Any = None
    when_empty = ""  # what to do when there is nothing in the list yet
    add_label = ""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request)

    def _may(self, request: HttpRequest) -> bool:
        return bool(self.admin_site.has_permission(request))


class AdministratorsOnly(ConsoleAdmin):
    """A screen for administrators: people and keys."""

    def _may(self, request: HttpRequest) -> bool:
        return bool(super()._may(request) and request.user.is_superuser)


class ReadOnly(ConsoleAdmin):
    """A screen that shows what the engine writes."""

    warn_unsaved_form = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
