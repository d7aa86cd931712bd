"""The two consoles: a retailer's own and the platform's. Both are named `admin`; the host decides which is served."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.forms import Media, Script
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.text import capfirst
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from tenants import acting, bell, context, stops
from tenants.accounts.first_password import FirstPasswordView
from tenants.accounts.models import Role

SAFE = ("GET", "HEAD", "OPTIONS")
View = Callable[..., HttpResponse]


def may(request: HttpRequest, role: Role) -> bool:
    """Whether who is signed in has that role, or one that includes it."""
    return bool(request.user.is_authenticated and request.user.may(role))


def needs(role: Role, view: View) -> View:
    """The view, for people of at least that role."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if may(request, role):
            return view(request, *args, **kwargs)
        return render(request, "console/forbidden.html", {"role": role.name.title()}, status=403)

    return guarded


class Console(UnfoldAdminSite):
    """What both consoles share."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pages: list[URLPattern] = []

    def page(self, route: str, name: str, role: Role = Role.VIEWER) -> Callable[[View], View]:
        """Registers a page that is no table's own, for people of that role; the door names it before it serves."""

        def add(view: View) -> View:
            self._pages.append(path(route, self.admin_view(needs(role, view)), name=name))
            return view

        return add

    def get_urls(self) -> list[Any]:
        return [*self._pages, *super().get_urls()]

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        if request.user.is_authenticated and not request.user.has_usable_password():
            shown = self.each_context(request) | {"title": "Your password"} | (extra_context or {})
            return FirstPasswordView.as_view(success_url=reverse("admin:index"), extra_context=shown)(request)
        response: HttpResponseBase = super().password_change(request, extra_context)
        return response

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        roles = {
            "may_edit": may(request, Role.EDITOR),
            "may_approve": may(request, Role.APPROVER),
            "may_administer": may(request, Role.ADMIN),
        }
        return super().each_context(request) | roles


class RetailerConsole(Console):
    """Where marketers work. Knows only the tables of a retailer's schema."""

    index_title = "Overview"
    index_template = "console/overview.html"
    enable_nav_sidebar = True

    def get_urls(self) -> list[Any]:
        stop, lift = needs(Role.EDITOR, require_POST(stop_sending)), needs(Role.EDITOR, require_POST(lift_stop))
        return [
            path("stop/", self.admin_view(stop), name="stop_sending"),
            path("stop/lift/", self.admin_view(lift), name="lift_stop"),
            *super().get_urls(),
        ]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        retailer = context.current()
        named = {"retailer": retailer, "site_header": retailer.name, "site_title": retailer.name}
        standing = stops.standing(retailer) if request.user.is_authenticated else None
        return super().each_context(request) | named | {"standing_stop": standing}


class PlatformConsole(Console):
    """Where staff work: retailers, the agenda, schedules, the built-in inbox."""

    settings_name = "UNFOLD_PLATFORM"
    index_title = "Fleet"
    index_template = "console/fleet.html"


def stop_sending(request: HttpRequest) -> HttpResponse:
    """The retailer's emergency stop."""
    stops.stop(context.current(), reason=acting.current().reason)
    messages.success(request, "All sending is stopped. Nothing is lost: it goes on when the stop is lifted.")
    return redirect("admin:index")


def lift_stop(request: HttpRequest) -> HttpResponse:
    if stops.lift(context.current()):
        bell.ring()
        messages.success(request, "The stop is lifted: sending goes on.")
    else:
        messages.info(request, "No stop of yours was standing.")
    return redirect("admin:index")


def scripts(*names: str) -> Media:
    """Our own scripts for a page, run once the page is read."""
    return Media(js=[Script(f"marketing/{name}", defer=True) for name in names])  # type: ignore[misc]


retailer_console = RetailerConsole(name="admin")
platform_console = PlatformConsole(name="admin")


class ConsoleAdmin(ModelAdmin):
    """A screen that everyone who may sign in to its console may look at, and editors may use."""

    warn_unsaved_form = True
    list_filter_submit = True
    actions: Any = None
    called = ""  # what its list is called, where the menu says it in other words than the model
    when_empty = ""  # what to do when there is nothing in the list yet
    add_label = ""
    begin_with: tuple[str, str] | None = None  # another page that fills the list: its name, and what the button says
    to_view, to_change = Role.VIEWER, Role.EDITOR
    asks_why = False  # whether its form has a line for the reason, which goes into the history

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may(request, self.to_view)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.to_view)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, self.to_change)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.to_change) or getattr(request, "only_looks", False)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.to_change)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Whoever may only look sees the same form, switched off; sending it is refused."""
        object_id = args[0] if args else kwargs.get("object_id")
        looks = bool(object_id) and request.method in SAFE and not self._may(request, self.to_change)
        request.only_looks = looks and self._may(request, self.to_view)  # type: ignore[attr-defined]
        response: HttpResponse = super().changeform_view(request, *args, **kwargs)
        return response

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The rows of this page, under the name of what they are: a tab called `Select segment to change` says less."""
        shown = super().get_changelist_instance(request)
        shown.title = self.called or capfirst(self.opts.verbose_name_plural)
        shown.may_begin = bool(self.begin_with) and self._may(request, self.to_change)
        if not shown.query and not shown.has_active_filters:
            shown.full_result_count = shown.result_count  # no "Show all" where all are shown
        return shown

    def render_change_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: Any = super().render_change_form(request, *args, **kwargs)
        called = capfirst(self.opts.verbose_name) if kwargs.get("obj") else f"New {self.opts.verbose_name}"
        response.context_data |= {"asks_why": self.asks_why, "title": called}
        if getattr(request, "only_looks", False):
            response.context_data |= {"is_read_only": True, "has_change_permission": False, "show_save": False}
        shown: HttpResponse = response
        return shown

    def _may(self, request: HttpRequest, role: Role) -> bool:
        return bool(self.admin_site.has_permission(request) and may(request, role))


class AdministratorsOnly(ConsoleAdmin):
    """A screen for administrators: people and keys."""

    to_view, to_change = Role.ADMIN, Role.ADMIN


class ReadOnly(ConsoleAdmin):
    """A screen that shows what the engine writes."""

    warn_unsaved_form = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
