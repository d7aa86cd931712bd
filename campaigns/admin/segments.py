"""Segments: a list that says who is in, and a rule builder that counts while one writes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.forms import Media
from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from campaigns import audience, editing, sentences
from campaigns.admin.removal import RemovedByItsOwner
from campaigns.config.gate import Invalid, parse_rule
from campaigns.forms import builder
from campaigns.forms.rule_field import RuleWidget
from campaigns.forms.segments import SegmentForm
from campaigns.forms.suggestions import suggestions
from campaigns.models import Segment
from tenants.console import retailer_console, scripts

SAMPLE = 5  # people named beside the count


@admin.register(Segment, site=retailer_console)
class SegmentAdmin(RemovedByItsOwner):
    form = SegmentForm
    list_display = ("name", "who", "members_now", "changed")
    search_fields = ("name", "key", "description")
    ordering = ("name",)
    when_empty = "A segment says whom you want to reach: by what they are, what they did, what they agreed to."
    add_label = "Create a segment"
    asks_why = True
    prepopulated_fields = {"key": ("name",)}
    fields = ("name", "key", "rule", "description")

    @property
    def media(self) -> Media:
        return super().media + scripts("live_counts.js")

    @admin.display(description="Who is in")
    def who(self, segment: Segment) -> str:
        return sentences.sentence(parse_rule(segment.rule))

    @admin.display(description="Customers now")
    def members_now(self, segment: Segment) -> SafeString:
        url = reverse("admin:campaigns_segment_count", args=[segment.pk])
        return format_html('<span class="c-figure" data-count-from="{}">…</span>', url)

    @admin.display(description="Changed", ordering="updated_at")
    def changed(self, segment: Segment) -> datetime:
        return segment.updated_at

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("key",) if obj else ()

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Any]:
        return {} if obj else self.prepopulated_fields

    def get_form(self, request: HttpRequest, obj: Segment | None = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        form.as_of = timezone.now()
        form.base_fields["rule"].widget = RuleWidget(
            lambda: suggestions(without_segment=obj.key if obj else ""),
            count_url=reverse("admin:campaigns_segment_try"),
        )
        return form

    def save_model(self, request: HttpRequest, obj: Segment, form: Any, change: bool) -> None:
        editing.save_segment(obj, now=timezone.now())

    def remove(self, obj: Segment) -> None:
        editing.remove_segment(obj)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("try/", view(require_POST(try_rule)), name="campaigns_segment_try"),
            path("<int:segment_id>/count/", view(count), name="campaigns_segment_count"),
            *super().get_urls(),
        ]


def try_rule(request: HttpRequest) -> JsonResponse:
    """The rule as it stands in the builder: how many match it now, a few of them, and the rule in words."""
    try:
        rule = parse_rule(builder.compose(builder.read(request.POST, "rule")))
        matched, people = audience.preview(rule, as_of=timezone.now(), sample=SAMPLE)
    except Invalid as invalid:
        return JsonResponse({"errors": [f"{p.field}: {p.message}".lstrip(": ").capitalize() for p in invalid.problems]})
    return JsonResponse({"count": matched, "sentence": sentences.sentence(rule), "sample": [_named(p) for p in people]})


def count(request: HttpRequest, segment_id: int) -> JsonResponse:
    """How many customers a saved segment holds now."""
    rule = Segment.objects.filter(pk=segment_id).values_list("rule", flat=True).first()
    try:
        matched, _ = audience.preview(parse_rule(rule), as_of=timezone.now(), sample=0)
    except Invalid as invalid:
        return JsonResponse({"error": str(invalid)})
    return JsonResponse({"count": matched})


def _named(person: dict[str, Any]) -> str:
    name = " ".join(filter(None, [person["first_name"], person["last_name"]])) or person["external_id"]
    return f"{name}, {person['city']}" if person["city"] else name
