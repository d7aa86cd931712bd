"""Custom attributes: those with a declared type, and those that are merely seen in the data."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from campaigns import attributes, compiler, references, sightings
from campaigns.admin.removal import RemovedByItsOwner
from campaigns.config.gate import Invalid
from campaigns.forms.attributes import AttributeForm
from campaigns.models import AttributeDefinition, Customer
from tenants import bell
from tenants.accounts.models import Role
from tenants.console import needs, retailer_console

MOST_SEEN = 30  # undeclared ones that are offered
EXAMPLES = 4  # values told of each


@admin.register(AttributeDefinition, site=retailer_console)
class AttributeAdmin(RemovedByItsOwner):
    form = AttributeForm
    list_display = ("name", "kind", "description", "who_has_it", "state", "used_by")
    list_display_links = ("name",)
    search_fields = ("name", "description")
    ordering = ("name",)
    when_empty = "No attribute is declared. Declaring one checks what comes in, and makes rules that ask for it fast."
    add_label = "Declare an attribute"
    list_before_template = "console/attributes_seen.html"
    fields = ("name", "type", "description")

    @admin.display(description="Type", ordering="type")
    def kind(self, definition: AttributeDefinition) -> str:
        return str(definition.get_type_display())

    @admin.display(description="Customers who have it")
    def who_has_it(self, definition: Any) -> str:
        return f"about {definition.share * 100:.0f} %" if definition.share >= 0.01 else "hardly any"

    @admin.display(description="State")
    def state(self, definition: Any) -> SafeString:
        """Whether rules that ask for it are fast by now."""
        tone, words = _state(definition)
        misfits = f"; {definition.misfits:,} of another type" if definition.misfits else ""
        return format_html('<span class="c-badge {}">{}</span>{}', tone, words, misfits)

    @admin.display(description="Used by")
    def used_by(self, definition: Any) -> str:
        return ", ".join(each.name for each in definition.users[:3]) or "nothing yet"

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The rows of this page, each with what was seen of it; five queries, however many rows and customers."""
        shown = super().get_changelist_instance(request)
        seen, users = sightings.customers(), references.to_attributes()
        last = Customer.objects.aggregate(last=Max("pk"))["last"] or 0
        shown.result_list = list(shown.result_list)
        for definition in shown.result_list:
            definition.share = seen[definition.name].share if definition.name in seen else 0.0
            definition.users = users.get(definition.name, [])
            definition.filled = min(1.0, definition.filled_to / last) if last else 1.0
        declared = set(AttributeDefinition.objects.values_list("name", flat=True))
        request.seen = _undeclared(seen, declared)  # type: ignore[attr-defined]
        return shown

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        response: Any = super().changelist_view(request, extra_context)
        if hasattr(response, "context_data"):
            types = AttributeDefinition.Type.choices
            response.context_data |= {"seen": getattr(request, "seen", []), "types": types}
        return response

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("name", "type") if obj else ()

    def save_model(self, request: HttpRequest, obj: AttributeDefinition, form: Any, change: bool) -> None:
        if change:
            attributes.describe(AttributeDefinition.objects.get(pk=obj.pk), obj.description)
        else:
            obj.pk = attributes.declare(obj.name, type=obj.type, description=obj.description).pk
            bell.ring()

    def remove(self, obj: AttributeDefinition) -> None:
        attributes.remove(obj)

    def get_urls(self) -> list[URLPattern]:
        declare = self.admin_site.admin_view(needs(Role.EDITOR, require_POST(declare_seen)))
        return [path("declare/", declare, name="campaigns_attributedefinition_declare"), *super().get_urls()]


def declare_seen(request: HttpRequest) -> HttpResponse:
    """One click: what was seen in the data is declared from now on."""
    name, kind = request.POST.get("name", ""), request.POST.get("type", "")
    try:
        made = attributes.declare(name, type=kind)
    except Invalid as invalid:
        for problem in invalid.problems:
            messages.error(request, f"Nothing was declared. {problem.field.capitalize()}: {problem.message}")
    else:
        bell.ring()
        messages.success(request, f"{made.name} is declared as {made.get_type_display().lower()}.")
    return redirect("admin:campaigns_attributedefinition_changelist")


def _state(definition: Any) -> tuple[str, str]:
    if not definition.slot:
        return "", "no fast column left: rules read it slowly"
    if definition.ready_at:
        return "c-good", "ready"
    return "c-warn", f"being filled in: {definition.filled * 100:.0f} %"


def _undeclared(seen: dict[str, sightings.Sighting], declared: set[str]) -> list[dict[str, Any]]:
    """The most common first, each with its likely type and a few values."""
    known = declared | set(compiler.TEXT_COLUMNS)
    found = sorted((each for each in seen.items() if each[0] not in known), key=lambda each: -each[1].share)
    return [
        {
            "name": name,
            "type": sighting.type,
            "percent": "under 1" if sighting.share < 0.01 else f"{sighting.share * 100:.0f}",
            "examples": [value for value, _ in sighting.values[:EXAMPLES]],
        }
        for name, sighting in found[:MOST_SEEN]
    ]
