"""Send a test: to whom, and as whom it is rendered."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from campaigns import resolution, seedlists
from campaigns.config.campaign import CampaignConfig
from campaigns.config.gate import Invalid
from campaigns.models import Campaign, SeedList
from delivery import trial
from delivery.channels.base import ChannelUnavailable
from delivery.showing import people
from delivery.trial import CannotRender, Sent, Wanted
from tenants import context
from tenants.console import retailer_console

_TOLD = 5  # of those that were not accepted


def test_page(request: HttpRequest, pk: int) -> HttpResponse:
    """GET asks, POST sends: to whoever asks when nobody is named."""
    campaign = get_object_or_404(Campaign, pk=pk)
    if request.method == "POST" and _send(request, campaign):
        return redirect("admin:campaigns_campaign_change", pk)
    config = _config(campaign)
    shown = retailer_console.each_context(request) | {
        "title": f"Send a test: {campaign.name}",
        "campaign": campaign,
        "to": request.POST.get("to", str(getattr(request.user, "email", ""))),
        "seed_list": request.POST.get("seed_list", ""),
        "chosen": request.POST.get("customer", ""),
        "seed_lists": SeedList.objects.order_by("name"),
        "customers": people.choices(),
        "steps": [step for step in config.steps if step.channel == "email"] if config else [],
        "messages_each": sum(len(step.variants) for step in config.steps if step.channel == "email") if config else 0,
        "per_hour": trial.PER_HOUR,
    }
    return render(request, "console/test.html", shown)


def _send(request: HttpRequest, campaign: Campaign) -> bool:
    """Whether tests went out; else a message says why not."""
    try:
        wanted = Wanted(
            resolution.resolve(campaign.draft).config,
            people.chosen(request.POST.get("customer", "")),
            _addresses(request),
            request.POST.getlist("variants"),
        )
        sent = trial.send(context.current(), wanted, now=timezone.now())
    except Invalid as invalid:
        told = "; ".join(dict.fromkeys(problem.message for problem in invalid.problems))
        messages.error(request, f"No test was sent: {told}.")
        return False
    except (ChannelUnavailable, CannotRender) as refusal:
        messages.error(request, f"No test was sent. {refusal}")
        return False
    _tell(request, wanted, sent)
    return True


def _tell(request: HttpRequest, wanted: Wanted, sent: list[Sent]) -> None:
    accepted = [each for each in sent if each.outcome.result == "accepted"]
    to = ", ".join(dict.fromkeys(each.address for each in accepted))
    if accepted:
        noun = "message" if len(accepted) == 1 else "messages"
        messages.success(request, f"{len(accepted)} test {noun}, as {wanted.customer} would get it, went to {to}.")
    for each in [each for each in sent if each not in accepted][:_TOLD]:
        said = f"{each.outcome.result} {each.outcome.detail}".strip()
        messages.error(request, f"Variant {each.variant} to {each.address}: {said}.")


def _config(campaign: Campaign) -> CampaignConfig | None:
    try:
        return resolution.resolve(campaign.draft).config
    except Invalid:  # sending says why
        return None


def _addresses(request: HttpRequest) -> list[str]:
    """Those typed, and those of the chosen list; whoever asks, where there are neither."""
    typed: list[Any] = [part for part in re.split(r"[\s,;]+", request.POST.get("to", "")) if part]
    key = request.POST.get("seed_list", "")
    listed = seedlists.called(key).addresses if key else []
    own = [] if typed or listed else [getattr(request.user, "email", "")]
    return seedlists.read([*typed, *listed, *own], field="to", most=trial.MOST)
