"""Segments: a list that says who is in and who uses it, and a rule builder that counts while one writes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.forms import Media
from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from campaigns import audience, editing, reach, references, sentences
from campaigns.admin.removal import RemovedByItsOwner
from campaigns.audience import Waterfall
from campaigns.config.gate import Invalid, parse_rule
from campaigns.forms import builder
from campaigns.forms.builder import Tree
from campaigns.forms.rule_field import RuleWidget
from campaigns.forms.segments import SegmentForm
from campaigns.forms.suggestions import suggestions
from campaigns.models import Customer, Member, Segment
from campaigns.references import Reference
from tenants.console import retailer_console, scripts

USERS_SHOWN = 3
CHANNELS = {"email": ("By e-mail", "Reached"), "sms": ("By SMS", "Reached")}
SHORT = {
    Member.Reason.SUPPRESSED: "Suppressed",
    Member.Reason.NO_CONSENT: "No consent",
    Member.Reason.NO_ADDRESS: "No address",
    Member.Reason.DUPLICATE_ADDRESS: "Shared address",
}


@admin.register(Segment, site=retailer_console)
class SegmentAdmin(RemovedByItsOwner):
    form = SegmentForm
    list_display = ("name", "who", "members_now", "used_by", "changed")
    search_fields = ("name", "key", "description")
    ordering = ("name",)
    when_empty = "A segment says whom you want to reach: by what they are, what they did, what they agreed to."
    add_label = "Create a segment"
    asks_why = True
    removal_says = "It is gone for good. Nobody in it is touched: only the rule goes."
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

    @admin.display(description="Used by")
    def used_by(self, segment: Segment) -> SafeString:
        users = segment.users  # type: ignore[attr-defined]
        if not users:
            return format_html('<span class="c-quiet">{}</span>', "nothing yet")
        more = f" and {len(users) - USERS_SHOWN} more" if len(users) > USERS_SHOWN else ""
        return format_html("{}{}", format_html_join(", ", "{}", ((each.name,) for each in users[:USERS_SHOWN])), more)

    @admin.display(description="Changed", ordering="updated_at")
    def changed(self, segment: Segment) -> datetime:
        return segment.updated_at

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The rows of this page with who uses each: two queries, however many rows."""
        shown = super().get_changelist_instance(request)
        users = references.to_segments()
        shown.result_list = list(shown.result_list)
        for segment in shown.result_list:
            segment.users = users.get(segment.key, [])
        return shown

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

    def users(self, obj: Segment) -> list[Reference]:
        return references.to_segments().get(obj.key, [])

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
    """The rule as it stands in the builder: who matches it now, whom a message would reach, and the rule in words."""
    tree = builder.read(request.POST, "rule")
    try:
        rule = parse_rule(builder.compose(tree))
        found = reach.look(rule, as_of=timezone.now())
    except Invalid as invalid:
        return JsonResponse({"errors": _errors(tree, invalid)})
    return JsonResponse(
        {
            "count": found.matched,
            "sentence": sentences.sentence(rule),
            "channels": [_channel(channel, found.channels[channel]) for channel in CHANNELS],
            "sample": [_example(customer) for customer in found.examples],
            "seconds": round(found.seconds, 3),
        }
    )


def count(request: HttpRequest, segment_id: int) -> JsonResponse:
    """How many customers a saved segment holds now."""
    rule = Segment.objects.filter(pk=segment_id).values_list("rule", flat=True).first()
    try:
        matched, _ = audience.preview(parse_rule(rule), as_of=timezone.now(), sample=0)
    except Invalid as invalid:
        return JsonResponse({"error": str(invalid)})
    return JsonResponse({"count": matched})


def _errors(tree: Tree, invalid: Invalid) -> list[dict[str, str]]:
    """Each with the row that it stands at, where it is about one."""
    at_rows = [
        {"at": row.at, "message": problem.message.capitalize() + ".", "code": problem.code}
        for row in tree.top.rows
        for problem in row.problems
    ]
    return at_rows or [
        {"message": f"{problem.message[:1].upper()}{problem.message[1:]}.", "code": problem.code}
        for problem in invalid.problems
    ]


def _channel(channel: str, waterfall: Waterfall) -> dict[str, Any]:
    title, label = CHANNELS[channel]
    excluded = [
        {"label": SHORT[Member.Reason(reason)], "said": Member.Reason(reason).label, "count": number}
        for reason, number in waterfall.excluded.items()
    ]
    return {"title": title, "label": label, "included": waterfall.included, "excluded": excluded}


def _example(customer: Customer) -> dict[str, str]:
    url = reverse("admin:campaigns_customer_change", args=[customer.pk])
    return {"name": str(customer), "place": customer.city, "url": url}
