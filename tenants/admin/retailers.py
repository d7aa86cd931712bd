"""Retailers: provisioning, their group and time zone, and whether they may work."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminTextInputWidget

from tenants import addresses, bell, domains, lanes, provisioning, stops
from tenants.accounts.models import Role
from tenants.console import ConsoleAdmin, needs, platform_console
from tenants.models import Retailer


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


class RetailerForm(forms.ModelForm):  # type: ignore[type-arg]
    weight = forms.FloatField(
        min_value=lanes.LIGHTEST,
        max_value=lanes.HEAVIEST,
        required=False,
        help_text="While several retailers wait, twice the weight gets twice the worker seconds. 1 is usual.",
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal", "class": "c-number"}),
    )

    tracking_domain = forms.CharField(
        max_length=253,
        required=False,
        label="Tracking domain",
        help_text="The host in the links of its messages, such as links.shop.example, once its DNS leads here. It "
        "serves links alone. Blank: the retailer's own address. Links on a host before it go on working.",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    class Meta:
        model = Retailer
        fields = ("name", "group", "timezone")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "weight" in self.fields:  # not where it is only looked at
            self.initial["weight"] = f"{self.instance.lane.weight:g}"
            self.initial["tracking_domain"] = domains.tracking(self.instance)

    def clean_tracking_domain(self) -> str:
        host: str = self.cleaned_data["tracking_domain"]
        try:
            return domains.check(self.instance, host) if host else ""
        except ValidationError as problem:
            raise ValidationError(problem.messages) from None


@admin.register(Retailer, site=platform_console)
class RetailerAdmin(ConsoleAdmin):
    list_display = ("name", "status_label", "group", "address", "in_hand", "parked", "created_at")
    list_filter = ("status", "group")
    list_select_related = ("group",)
    search_fields = ("slug", "name")
    when_empty = "No retailer yet. Provisioning makes its schema, its first administrator and an API key."
    add_label = "Provision a retailer"
    ordering = ("name",)
    form = RetailerForm
    fields = (
        "name",
        "slug",
        "group",
        "timezone",
        "weight",
        "tracking_domain",
        "status",
        "suspended_reason",
        "created_at",
    )
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
        if not self.has_add_permission(request):
            raise PermissionDenied
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

    def save_model(self, request: HttpRequest, obj: Retailer, form: Any, change: bool) -> None:
        provisioning.update(obj)
        if form.cleaned_data["weight"] is not None:
            lanes.weigh(obj, form.cleaned_data["weight"])
        domains.track(obj, form.cleaned_data["tracking_domain"])

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        if kwargs.get("obj"):
            context |= {"stop_here": stops.standing(kwargs["obj"])}
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        suspending, resuming = (needs(Role.ADMIN, require_POST(each)) for each in (suspend, resume))
        return [
            path("<int:pk>/open/", view(open_console), name="tenants_retailer_open"),
            path("<int:pk>/suspend/", view(suspending), name="tenants_retailer_suspend"),
            path("<int:pk>/resume/", view(resuming), name="tenants_retailer_resume"),
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
