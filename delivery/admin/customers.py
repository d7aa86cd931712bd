"""Customers: who they are, what they agreed to, what they did and what they were sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_POST

from campaigns import directory, ingest
from campaigns.admin.removal import RemovedByItsOwner
from campaigns.forms.customers import CustomerForm
from campaigns.models import Customer
from delivery import person
from delivery.admin.counting import BoundedPaginator
from delivery.views import customer_acts, customer_page
from tenants.accounts.models import Role
from tenants.console import needs, retailer_console


@admin.register(Customer, site=retailer_console)
class CustomerAdmin(RemovedByItsOwner):
    form = CustomerForm
    list_display = ("number", "name", "address", "city", "agreed", "changed")
    list_display_links = ("number", "name")
    list_filter = ("consent_email", "consent_sms")
    list_per_page = 50
    show_full_result_count = False
    paginator = BoundedPaginator
    search_fields = ("external_id",)  # that there is a search: `directory` does it
    search_help_text = directory.HELP
    ordering = ("-pk",)
    when_empty = "No customers yet. Import a file, send them to the API, or add one by hand."
    add_label = "Add a customer"
    begin_with = ("admin:campaigns_import_add", "Import a file")
    compressed_fields = False
    removal = "Erase"
    removal_says = (
        "Everything that names the person goes for good: details, addresses, events and consent. Sums and counts of "
        "what was sent stay, with nobody's name. Whoever was suppressed or took consent back stays suppressed."
    )
    fieldsets = (
        (None, {"fields": ("external_id", ("first_name", "last_name"), ("email", "phone"))}),
        ("Where", {"fields": (("city", "country"), ("timezone", "locale"))}),
        ("Consent", {"fields": (("consent_email", "consent_sms", "consent_push"),)}),
    )

    @admin.display(description="Number", ordering="external_id")
    def number(self, customer: Customer) -> str:
        return customer.external_id

    @admin.display(description="E-mail", ordering="email")
    def address(self, customer: Customer) -> str:
        return customer.email or "-"

    @admin.display(description="Agreed to e-mail", ordering="consent_email", boolean=True)
    def agreed(self, customer: Customer) -> bool:
        return customer.consent_email

    @admin.display(description="Changed", ordering="updated_at")
    def changed(self, customer: Customer) -> datetime:
        return customer.updated_at

    @admin.display(description="Name")
    def name(self, customer: Customer) -> str:
        return " ".join(filter(None, [customer.first_name, customer.last_name])) or "-"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("external_id",) if obj else ()

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        form.as_of = timezone.now()
        return form

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        customer = kwargs.get("obj")
        if customer:
            context |= customer_page.shown(request, customer) | {"show_delete": False}  # erasing stands above
        response: HttpResponse = super().render_change_form(request, context, **kwargs)
        return response

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return (queryset.filter(directory.search(search_term)) if search_term else queryset), False

    def get_urls(self) -> list[URLPattern]:
        def act(name: str, view: Any) -> URLPattern:
            guarded = self.admin_site.admin_view(needs(Role.EDITOR, view))
            return path(f"<int:pk>/{name}/", guarded, name=f"campaigns_customer_{name}")

        return [
            act("consent", require_POST(customer_acts.record_consent)),
            act("suppress", require_POST(customer_acts.suppress)),
            act("export", customer_acts.export),
            *super().get_urls(),
        ]

    def save_model(self, request: HttpRequest, obj: Customer, form: CustomerForm, change: bool) -> None:
        ingest.upsert_customers([form.row()], now=timezone.now(), source="console")
        obj.pk = Customer.objects.values_list("pk", flat=True).get(external_id=obj.external_id)

    def remove(self, obj: Customer) -> None:
        person.erase(obj)
