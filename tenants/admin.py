"""The platform's console: retailers, groups, what is due, and when the clock rings."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminTextInputWidget

from tenants import addresses, agenda, bell, provisioning
from tenants.console import ConsoleAdmin, ReadOnly, platform_console
from tenants.models import AgendaItem, Group, Retailer


class ProvisionForm(forms.Form):
    slug = forms.CharField(
        max_length=40,
        help_text="Small letters, digits and hyphens. It stands in the retailer's address, and stays for good.",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    name = forms.CharField(max_length=100, widget=UnfoldAdminTextInputWidget())
    timezone = forms.CharField(
        label="Time zone",
        initial="Europe/London",
        help_text="An IANA name, such as Europe/London.",
        widget=UnfoldAdminTextInputWidget(),
    )
    domain = forms.CharField(
        required=False,
        help_text="A host name of its own, when it has one. The slug's address works beside it.",
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "console.example.com"}),
    )
    admin_email = forms.EmailField(
        label="Administrator",
        required=False,
        help_text="The first person to sign in, by a link that you pass on.",
        widget=UnfoldAdminEmailInputWidget(),
    )


@admin.register(Retailer, site=platform_console)
class RetailerAdmin(ConsoleAdmin):
    list_display = ("name", "status_label", "group", "address", "in_hand", "parked", "created_at")
    list_filter = ("status", "group")
    list_select_related = ("group",)
    search_fields = ("slug", "name")
    when_empty = "No retailer yet. Provisioning makes its schema, its first administrator and an API key."
    add_label = "Provision a retailer"
    ordering = ("name",)
    fields = ("name", "slug", "group", "timezone", "status", "suspended_reason", "created_at")
    readonly_fields = ("slug", "status", "suspended_reason", "created_at")
    change_form_template = "console/retailer.html"

    @admin.display(description="Status", ordering="status")
    def status_label(self, retailer: Retailer) -> SafeString:
        return format_html('<span class="c-badge c-state-{}">{}</span>', retailer.status, retailer.status)

    @admin.display(description="Console")
    def address(self, retailer: Retailer) -> SafeString:
        host = next((domain for domain in retailer.domains.all() if domain.is_primary), None)
        if host is None:
            return format_html('<span class="c-quiet">no domain</span>')
        url = reverse("admin:tenants_retailer_open", args=[retailer.pk])
        return format_html('<a class="c-link" href="{}">{}</a>', url, host.domain)

    @admin.display(description="Work in hand")
    def in_hand(self, retailer: Any) -> int:
        return int(retailer.due_items)

    @admin.display(description="Parked")
    def parked(self, retailer: Any) -> int:
        return int(retailer.parked_items)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Retailer]:
        is_parked = Q(agenda__parked_at__isnull=False)
        found: QuerySet[Retailer] = super().get_queryset(request)
        return found.prefetch_related("domains").annotate(
            due_items=Count("agenda", filter=~is_parked & Q(agenda__id__isnull=False)),
            parked_items=Count("agenda", filter=is_parked),
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # offboard_retailer exports everything first

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Provisioning makes a schema: it commits as it goes, and takes a few seconds."""
        form = ProvisionForm(request.POST or None)
        shown = self.admin_site.each_context(request) | {"title": "New retailer", "form": form, "opts": self.opts}
        if request.method != "POST" or not form.is_valid():
            return render(request, "console/provision.html", shown)
        given = form.cleaned_data
        try:
            made = provisioning.provision(
                given["slug"],
                name=given["name"],
                domain=given["domain"] or None,
                timezone=given["timezone"],
                admin_email=given["admin_email"] or None,
            )
        except ValidationError as problem:
            for field, said in problem.message_dict.items():
                form.add_error(field if field in form.fields else None, said)
            return render(request, "console/provision.html", shown)
        return render(request, "console/provisioned.html", shown | {"title": made.retailer.name, "made": made})

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/open/", view(open_console), name="tenants_retailer_open"),
            path("<int:pk>/suspend/", view(require_POST(suspend)), name="tenants_retailer_suspend"),
            path("<int:pk>/resume/", view(require_POST(resume)), name="tenants_retailer_resume"),
            *super().get_urls(),
        ]


def open_console(request: HttpRequest, pk: int) -> HttpResponse:
    return redirect(f"{addresses.base_url(get_object_or_404(Retailer, pk=pk))}/admin/")


def suspend(request: HttpRequest, pk: int) -> HttpResponse:
    retailer = get_object_or_404(Retailer, pk=pk)
    provisioning.suspend(retailer, reason=request.POST.get("reason", "")[:200])
    messages.success(request, f"{retailer} is suspended: console, API and sending have stopped.")
    return redirect("admin:tenants_retailer_change", pk)


def resume(request: HttpRequest, pk: int) -> HttpResponse:
    retailer = get_object_or_404(Retailer, pk=pk)
    try:
        provisioning.resume(retailer)
    except ValidationError as problem:
        messages.error(request, " ".join(problem.messages))
    else:
        bell.ring()
        messages.success(request, f"{retailer} is active again and goes on where it stopped.")
    return redirect("admin:tenants_retailer_change", pk)


@admin.register(Group, site=platform_console)
class GroupAdmin(ConsoleAdmin):
    list_display = ("name", "key", "size")
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

    @admin.action(description="Try again now")
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
