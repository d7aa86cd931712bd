"""Groups of retailers."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tenants import groups
from tenants.console import ConsoleAdmin, platform_console
from tenants.models import Group


@admin.register(Group, site=platform_console)
class GroupAdmin(ConsoleAdmin):
    list_display = ("name", "key", "size", "policy")
    when_empty = "Groups hold retailers that share policy and templates. None yet."
    search_fields = ("name", "key")
    ordering = ("name",)
    prepopulated_fields = {"key": ("name",)}

    @admin.display(description="Retailers")
    def size(self, group: Any) -> int:
        return int(group.size)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        found: QuerySet[Group] = super().get_queryset(request)
        return found.annotate(size=Count("retailers"))

    @admin.display(description="Policy")
    def policy(self, group: Group) -> SafeString:
        return format_html(
            '<a class="c-link" href="{}">Policy and defaults</a>',
            reverse("admin:platform_policy_group", args=[group.pk]),
        )

    def save_model(self, request: HttpRequest, obj: Group, form: Any, change: bool) -> None:
        groups.save(obj)

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        groups.remove(obj)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            response: HttpResponse = super().delete_view(request, object_id, extra_context)
        except groups.InUse as refusal:
            messages.error(request, str(refusal))
            return redirect("admin:tenants_group_change", object_id)
        return response

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Its owner decides whether it may go; here it is only named."""
        return [str(obj) for obj in objs], {}, set(), []
