"""Providers: the accounts that deliver, how they fare, and a test of each."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from campaigns.admin.removal import RemovedByItsOwner
from campaigns.config.gate import Invalid
from campaigns.models.customers import Channel
from delivery.channels import KINDS
from delivery.channels.base import ChannelUnavailable, Outcome, Result
from delivery.forms import ProviderForm, fieldsets, provider_form
from delivery.models import Provider
from delivery.providers import accounts, standing, trying
from tenants import context
from tenants.accounts.models import Role
from tenants.console import needs, retailer_console

_TONES = {standing.WORKING: "c-good", standing.OFF: "", standing.RESTING: "c-bad"}


@admin.register(Provider, site=retailer_console)
class ProviderAdmin(RemovedByItsOwner):
    to_view, to_change = Role.ADMIN, Role.ADMIN
    list_display = ("key", "channel", "what", "status", "taken", "priority")
    list_filter = ("channel",)
    ordering = ("channel", "priority", "key")
    list_select_related = ("state",)
    when_empty = "No provider yet: the platform's mail server delivers e-mail, and nothing else can be sent."
    add_label = "Add a provider"
    change_form_template = "console/provider.html"
    removal_says = "Its credentials are gone for good, and the next provider by priority delivers."
    asks_why = True

    @admin.display(description="Kind", ordering="kind")
    def what(self, provider: Provider) -> str:
        return KINDS[provider.kind].label if provider.kind in KINDS else provider.kind

    @admin.display(description="State")
    def status(self, provider: Provider) -> SafeString:
        return shown_standing(standing.of(provider))

    @admin.display(description="Taken today")
    def taken(self, provider: Any) -> str:
        return "many" if provider.today is None else f"{provider.today:,}"

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        shown = super().get_changelist_instance(request)
        shown.result_list = list(shown.result_list)
        counted = standing.today(shown.result_list)
        for provider in shown.result_list:
            provider.today = counted[provider.key] if counted else None
        return shown

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """First the kind is chosen, then its form is filled in."""
        if _wanted(request) is None:
            shown = self.admin_site.each_context(request) | {"title": "Add a provider", "channels": _catalogue()}
            return render(request, "console/provider_kinds.html", shown)
        return super().add_view(request, form_url, extra_context)

    def get_form(self, request: HttpRequest, obj: Provider | None = None, **kwargs: Any) -> Any:
        kind, channel = (KINDS[obj.kind], obj.channel) if obj else _wanted(request) or (KINDS["smtp"], "email")
        return provider_form(kind, channel)

    def get_fieldsets(self, request: HttpRequest, obj: Provider | None = None) -> Any:
        return fieldsets(self.get_form(request, obj).kind)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        provider: Any = kwargs.get("obj")
        kind = self.get_form(request, provider).kind
        more: dict[str, Any] = {"kind": kind}
        if provider:
            counted = standing.today([provider])
            now = standing.of(provider)
            more |= {"standing": shown_standing(now), "now": now, "today": counted and counted[provider.key]}
            more["recipient"] = trying.recipient(provider.channel)
        response: Any = super().render_change_form(request, context | more, **kwargs)
        if not provider:
            response.context_data["title"] = f"New provider: {kind.label}"
        shown: HttpResponse = response
        return shown

    def save_model(self, request: HttpRequest, obj: Provider, form: ProviderForm, change: bool) -> None:
        saved = accounts.save(form.document, Provider.objects.get(pk=obj.pk) if change else None)
        obj.pk, obj.key = saved.pk, saved.key

    def remove(self, obj: Provider) -> None:
        accounts.remove(obj)

    def send_test(self, request: HttpRequest, pk: int) -> HttpResponse:
        provider = get_object_or_404(Provider, pk=pk)
        to = request.POST.get("to", "").strip()[:4_000]
        try:
            outcome = trying.send(context.current(), provider, to=to, now=timezone.now())
        except ChannelUnavailable as refusal:
            messages.error(request, f"No test was sent. {refusal}")
        except Invalid as invalid:
            messages.error(request, f"No test was sent: {invalid.problems[0].message}.")
        else:
            _tell(request, outcome)
        return redirect("admin:delivery_provider_change", pk)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(needs(Role.ADMIN, require_POST(self.send_test)))
        return [path("<int:pk>/test/", view, name="delivery_provider_test"), *super().get_urls()]


def shown_standing(now: standing.Standing) -> SafeString:
    badge = format_html('<span class="c-badge {}">{}</span>', _TONES.get(now.state, "c-warn"), now.state)
    if now.until is None:
        return badge
    return format_html("{} until {}", badge, date_format(timezone.localtime(now.until), "H:i:s"))


def _tell(request: HttpRequest, outcome: Outcome) -> None:
    if outcome.result == Result.ACCEPTED:
        messages.success(request, f"The test was accepted. {outcome.detail} {outcome.provider_id}".strip())
    else:
        messages.error(request, f"The test was not accepted: {outcome.result}. {outcome.detail}".strip())


def _wanted(request: HttpRequest) -> Any:
    """The kind and channel that the address names; None when it names none that can be had."""
    name, channel = request.GET.get("kind", ""), request.GET.get("channel", "")
    found = [kind for kind in accounts.kinds(channel) if kind.name == name]
    return (found[0], channel) if found else None


def _catalogue() -> list[dict[str, Any]]:
    return [
        {"name": channel.value, "label": channel.label, "kinds": accounts.kinds(channel.value)} for channel in Channel
    ]
