"""Why one person got a campaign's messages, or did not: a page."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from campaigns.config.gate import Invalid
from campaigns.models import Campaign, Customer, Run
from delivery import explanation
from tenants.console import retailer_console

MOST = 100  # campaigns to choose from, the latest changed


def page(request: HttpRequest) -> HttpResponse:
    """`?customer=` their number, `?campaign=` its key (default: the one changed last), `?run=` the id of a run."""
    given = request.GET.get("customer", "").strip()
    customer = Customer.objects.filter(external_id=given).first()
    campaigns = list(Campaign.objects.order_by("-updated_at")[:MOST])
    campaign = _campaign(request.GET.get("campaign", ""), campaigns)
    run = _run(request, campaign)
    if given and customer is None:
        messages.error(request, f"There is no customer {given}: check the number.")
    shown = retailer_console.each_context(request) | {
        "title": "Why did they get it, or not?",
        "given": given,
        "customer": customer,
        "campaigns": campaigns,
        "campaign": campaign,
        "run": run,
        "told": _told(request, campaign, customer, run) if campaign and customer else None,
    }
    return render(request, "console/explanation.html", shown)


def _campaign(key: str, campaigns: list[Campaign]) -> Campaign | None:
    if key:
        return get_object_or_404(Campaign, key=key)
    return next(iter(campaigns), None)


def _run(request: HttpRequest, campaign: Campaign | None) -> Run | None:
    pk = request.GET.get("run", "")
    if campaign is None or not (pk.isascii() and pk.isdecimal() and len(pk) < 19):
        return None
    return campaign.runs.select_related("version").filter(pk=int(pk)).first()


def _told(request: HttpRequest, campaign: Campaign, customer: Customer, run: Run | None) -> dict[str, Any] | None:
    try:
        told = explanation.explain(campaign, customer, now=timezone.now(), run=run)
    except Invalid as invalid:
        messages.error(request, f"{campaign.name} cannot be explained. {invalid}")
        return None
    for step in told["steps"]:
        step["planned_at"] = parse_datetime(step["planned_at"])
    for each in told["runs"]:
        each["started_at"] = parse_datetime(each["started_at"])
        for message in each["messages"]:
            message["settled_at"] = parse_datetime(message["settled_at"]) if message["settled_at"] else None
    return told
