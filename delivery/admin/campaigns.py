"""Campaigns: what to send to whom and when, and the way from a draft to a run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.forms import Media
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from campaigns import blueprints, configuration, editing
from campaigns.admin.removal import RemovedByItsOwner
from campaigns.forms import drafts, inheritance
from campaigns.forms.campaigns import CampaignForm
from campaigns.models import Campaign, Run, Segment
from delivery import reports
from delivery.admin.badges import badge
from delivery.views import (
    campaign_history,
    campaign_page,
    campaign_preview,
    launching,
    reviewing,
    run_progress,
    steering,
    testing,
)
from tenants import context
from tenants.accounts.models import Role
from tenants.console import needs, retailer_console, scripts


@admin.register(Campaign, site=retailer_console)
class CampaignAdmin(RemovedByItsOwner):
    form = CampaignForm
    list_display = ("name", "status", "starts", "audience", "last_run", "changed")
    list_filter = ("state",)
    search_fields = ("name", "key")
    ordering = ("-updated_at",)
    when_empty = "A campaign brings a segment, a template and a time together."
    add_label = "Create a campaign"
    begin_with = ("admin:blueprints", "Begin with a blueprint")
    prepopulated_fields = {"key": ("name",)}
    fieldsets = (
        (None, {"fields": ("draft_number", "name", "key")}),
        ("Audience", {"fields": ("include", "exclude", "holdout")}),
        ("Message", {"fields": ("template", "variants")}),
        ("When", {"fields": ("when", "rhythm", "at", "event_name", "delay", "once_per", "topic")}),
        ("Pace", {"fields": (("waves", "over"), "lane"), "classes": ("collapse",)}),
        ("Counting", {"fields": (("opens", "clicks"), "utm", "utm_domains"), "classes": ("collapse",)}),
    )
    asks_why = True

    @property
    def media(self) -> Media:
        return super().media + scripts("variants.js")

    @admin.display(description="State", ordering="state")
    def status(self, campaign: Campaign) -> SafeString:
        return badge(campaign.state)

    @admin.display(description="Starts")
    def starts(self, campaign: Any) -> str:
        return drafts.trigger_words(campaign.outline["trigger"], context.current().tzinfo)

    @admin.display(description="Audience")
    def audience(self, campaign: Any) -> str:
        rule = campaign.outline["audience"].get("include")
        if rule is None:
            return "nobody chosen yet"
        if set(rule) != {"segment"}:
            return drafts.rule_words(rule)
        return campaign.segment_names.get(rule["segment"], f"{rule['segment']} (missing)")

    @admin.display(description="Last run")
    def last_run(self, campaign: Any) -> SafeString | str:
        if campaign.last_run_id is None:
            return "never"
        url = reverse("admin:campaigns_run_change", args=[campaign.last_run_id])
        started = date_format(timezone.localtime(campaign.last_started_at), "j M Y")
        return format_html('<a class="c-link" href="{}">{}</a> {}', url, started, run_progress.words(campaign.tally))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        response: Any = super().changelist_view(request, extra_context)
        found = response.context_data["cl"].result_list if hasattr(response, "context_data") else []
        tallies = reports.states_of([each.last_run_id for each in found if each.last_run_id])
        names = dict(Segment.objects.values_list("key", "name"))
        for campaign in found:
            campaign.segment_names, campaign.outline = names, inheritance.outline(campaign.draft)
            campaign.tally = tallies.get(campaign.last_run_id, {})
        return response

    def get_queryset(self, request: HttpRequest) -> QuerySet[Campaign]:
        newest = Run.objects.filter(campaign=OuterRef("pk")).order_by("-pk")
        found: QuerySet[Campaign] = super().get_queryset(request)
        return found.annotate(
            last_run_id=Subquery(newest.values("pk")[:1]), last_started_at=Subquery(newest.values("started_at")[:1])
        )

    @admin.display(description="Changed", ordering="updated_at")
    def changed(self, campaign: Campaign) -> datetime:
        return campaign.updated_at

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("key",) if obj else ()

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Any]:
        return {} if obj else self.prepopulated_fields

    def get_form(self, request: HttpRequest, obj: Campaign | None = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        form.as_of, form.zone = timezone.now(), context.current().tzinfo
        return form

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        campaign = kwargs.get("obj")
        if campaign:
            context |= campaign_page.panel(campaign, context["adminform"].form, request)
        else:
            context["blueprints"] = blueprints.catalogue()
        response: HttpResponse = super().render_change_form(request, context, **kwargs)
        return response

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response: HttpResponse = super().changeform_view(request, *args, **kwargs)
        except configuration.Conflict as conflict:  # between the form's look and its writing
            messages.error(request, str(conflict))
            return redirect(request.path)
        return response

    def save_model(self, request: HttpRequest, obj: Campaign, form: CampaignForm, change: bool) -> None:
        number = form.cleaned_data.get("draft_number")
        saved = configuration.save_draft(form.config, campaign=obj if change else None, draft_number=number)
        obj.pk = saved.pk

    def remove(self, obj: Campaign) -> None:
        editing.remove_campaign(obj)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            *[
                path(f"<int:pk>/{name}/", view(page), name=f"campaigns_campaign_{name}")
                for name, page in _PAGES.items()
            ],
            *[
                path(
                    f"<int:pk>/{name}/",
                    view(needs(role, require_POST(act))),
                    name=f"campaigns_campaign_{name.replace('-', '_')}",
                )
                for name, (role, act) in _ACTS.items()
            ],
            path(
                "<int:pk>/restore/<int:number>/",
                view(needs(Role.EDITOR, require_POST(campaign_history.restore))),
                name="campaigns_campaign_restore",
            ),
            *super().get_urls(),
        ]

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        if not object_id.isdecimal():
            raise Http404("There is no such campaign.")
        return campaign_history.history_page(request, int(object_id))


_PAGES: dict[str, Any] = {
    "audience": launching.audience_page,
    "launch": needs(Role.EDITOR, launching.launch_page),
    "test": needs(Role.EDITOR, testing.test_page),
    "review": reviewing.review_page,
    "preview": campaign_preview.preview_page,
}
_ACTS: dict[str, tuple[Role, Any]] = {
    "publish": (Role.EDITOR, launching.publish),
    "withdraw": (Role.EDITOR, launching.withdraw),
    "pause": (Role.EDITOR, steering.pause),
    "resume": (Role.EDITOR, steering.resume),
    "cancel": (Role.EDITOR, steering.cancel),
    "stop": (Role.EDITOR, steering.stop),
    "submit": (Role.EDITOR, reviewing.submit),
    "approve": (Role.APPROVER, reviewing.approve),
    "send-back": (Role.APPROVER, reviewing.send_back),
}
