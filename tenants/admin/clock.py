"""What is due, and when the clock rings."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from tenants import agenda, bell
from tenants.accounts.models import Role
from tenants.console import ConsoleAdmin, ReadOnly, may, platform_console
from tenants.models import AgendaItem


class ParkedFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("parked", "Parked"), ("failing", "Failing"), ("held", "In a worker's hands")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AgendaItem]) -> QuerySet[AgendaItem]:
        chosen = {
            "parked": Q(parked_at__isnull=False),
            "failing": Q(failures__gt=0, parked_at__isnull=True),
            "held": Q(claimed_until__isnull=False),
        }
        return queryset.filter(chosen.get(self.value() or "", Q()))


@admin.register(AgendaItem, site=platform_console)
class AgendaAdmin(ReadOnly):
    list_display = ("retailer", "kind", "object_id", "due_at", "claimed_until", "failures", "trouble")
    list_filter = (ParkedFilter, "kind")
    list_select_related = ("retailer",)
    search_fields = ("retailer__slug", "retailer__name", "error")
    ordering = ("due_at",)
    when_empty = "The agenda is empty: nothing is due for any retailer."
    actions = ("retry",)
    fields = ("retailer", "kind", "object_id", "due_at", "claimed_until", "claims", "failures", "error", "parked_at")

    @admin.display(description="Trouble")
    def trouble(self, item: AgendaItem) -> SafeString | str:
        if item.parked_at:
            return format_html('<span class="c-badge c-state-parked">parked</span> {}', item.error[:200])
        return item.error[:200]

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return may(request, Role.EDITOR)

    @admin.action(description="Try again now", permissions=["retry"])
    def retry(self, request: HttpRequest, chosen: QuerySet[AgendaItem]) -> None:
        items = list(chosen.select_related("retailer")[:1000])
        for item in items:
            agenda.put(item.retailer, item.kind, item.object_id)
        bell.ring()
        messages.success(request, f"{len(items)} due again now.")


class ScheduleAdmin(ConsoleAdmin):
    """A rhythm that periodic tasks choose from."""


platform_console.register(IntervalSchedule, ScheduleAdmin)
platform_console.register(CrontabSchedule, ScheduleAdmin)


@admin.register(PeriodicTask, site=platform_console)
class PeriodicTaskAdmin(ConsoleAdmin):
    """The clock's own tasks come from the settings; staff may switch them off or change their rhythm."""

    list_display = ("name", "task", "enabled", "rhythm", "last_run_at", "total_run_count")
    list_filter = ("enabled",)
    list_select_related = ("interval", "crontab")
    search_fields = ("name", "task")
    ordering = ("name",)
    fields = ("name", "task", "enabled", "interval", "crontab", "description", "last_run_at", "total_run_count")
    readonly_fields = ("name", "task", "last_run_at", "total_run_count")

    @admin.display(description="Rhythm")
    def rhythm(self, task: PeriodicTask) -> str:
        return str(task.interval or task.crontab or "")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
