"""A campaign's history: saves, versions and decisions in one timeline, what each changed, and any two compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from campaigns import configuration, history
from campaigns.config.gate import Invalid
from campaigns.differences import Difference, differences
from campaigns.models import Campaign, CampaignVersion
from delivery.views.answers import answered, is_what_was_seen
from tenants.accounts.models import AuditEntry
from tenants.console import retailer_console

MOST = 100  # moments shown, the newest ones
_WORDS = {
    "create": "Created", "edit": "Draft saved", "submit": "Submitted for review", "approve": "Approved",
    "send back": "Sent back", "launch": "Run started", "stop": "Stopped", "resume": "Resumed", "cancel": "Cancelled",
    "fail": "Failed",
}  # fmt: skip
_ICONS = {
    "create": "add_circle", "edit": "edit", "submit": "rate_review", "approve": "verified", "send back": "undo",
    "publish": "published_with_changes", "launch": "play_circle", "stop": "front_hand", "resume": "play_arrow",
    "cancel": "cancel", "fail": "error",
}  # fmt: skip


@dataclass(frozen=True)
class Moment:
    """One thing that happened. `changes` are what it changed; None where it changed no configuration."""

    at: datetime
    what: str
    who: str
    icon: str
    door: str = ""
    why: str = ""
    version: CampaignVersion | None = None
    changes: list[Difference] | None = None


def history_page(request: HttpRequest, pk: int) -> HttpResponse:
    campaign = get_object_or_404(Campaign.objects.select_related("live"), pk=pk)
    versions = list(campaign.versions.order_by("number"))
    shown = retailer_console.each_context(request) | {
        "title": f"History: {campaign.name}",
        "campaign": campaign,
        "moments": sorted(_moments(campaign, versions), key=lambda moment: moment.at, reverse=True)[:MOST],
        "choices": [("draft", "the draft"), *((str(v.number), f"version {v.number}") for v in reversed(versions))],
        **_compared(request, campaign),
    }
    return render(request, "console/history.html", shown)


def restore(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """An earlier version becomes the draft; what runs is not touched."""
    campaign = get_object_or_404(Campaign, pk=pk)
    if not is_what_was_seen(request, campaign):
        return redirect("admin:campaigns_campaign_change", pk)

    def act() -> str:
        configuration.restore(campaign, number, draft_number=int(request.POST["draft_number"]))
        return f"The draft is version {number} again. Nothing that runs has changed."

    return answered(request, campaign, act)


def _moments(campaign: Campaign, versions: list[CampaignVersion]) -> Iterator[Moment]:
    by_number = {version.number: version for version in versions}
    entries = AuditEntry.objects.filter(kind="campaign", key=campaign.key).order_by("-pk")[:MOST]
    told = set()
    for entry in entries:
        version = by_number.get((entry.after or {}).get("version", 0)) if entry.action == "publish" else None
        if version:
            told.add(version.number)
        yield _moment(entry, version, by_number)
    for version in versions:
        if version.number not in told:  # published before there was a trail
            yield _published(version, version.by or str(version.published_by or "somebody"), by_number)


def _moment(entry: AuditEntry, version: CampaignVersion | None, by_number: dict[int, CampaignVersion]) -> Moment:
    if version:
        return _published(version, entry.actor, by_number, entry.door)
    after: Any = entry.after or {}
    is_draft = entry.action in ("create", "edit")
    what = _WORDS.get(entry.action, entry.action.capitalize())
    return Moment(
        at=entry.at,
        what=f"{what}, draft {entry.number}" if entry.number else what,
        who=entry.actor,
        icon=_ICONS.get(entry.action, "history"),
        door=entry.door,
        why=entry.reason or str(after.get("reason") or after.get("note") or after.get("answer") or ""),
        changes=differences(entry.before or {}, after) if is_draft else None,
    )


def _published(version: CampaignVersion, who: str, by_number: dict[int, CampaignVersion], door: str = "") -> Moment:
    before = by_number.get(version.number - 1)
    return Moment(
        at=version.published_at,
        what=f"Version {version.number} published",
        who=who,
        icon=_ICONS["publish"],
        door=door,
        why=version.reason,
        version=version,
        changes=differences(before.config if before else {}, version.config),
    )


def _compared(request: HttpRequest, campaign: Campaign) -> dict[str, Any]:
    one, other = request.GET.get("one", ""), request.GET.get("other", "")
    if not one or not other:
        return {}
    try:
        return {"one": one, "other": other, "compared": history.compared(campaign, one, other), "is_compared": True}
    except Invalid as invalid:
        messages.error(request, str(invalid))
        return {}
