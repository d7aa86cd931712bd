"""From a draft to a run: who would get it, what it says, and the button."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from campaigns import configuration, reviews
from campaigns.config.gate import Invalid
from campaigns.forms import drafts
from campaigns.lifecycle import NotAllowed
from campaigns.models import Campaign, Run
from delivery import provided
from delivery.channels.base import ChannelUnavailable
from delivery.views import plans
from delivery.views.answers import answered, is_what_was_seen, tell
from delivery.views.plans import Plan
from tenants import bell, context
from tenants.console import retailer_console, scripts


def audience_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Who would get it, and who not, and why: counted by the statement that a run would use."""
    campaign = get_object_or_404(Campaign, pk=pk)
    return _page(request, "console/audience.html", "Audience", _plan(request, campaign))


def launch_page(request: HttpRequest, pk: int) -> HttpResponse:
    """GET asks for confirmation, POST starts the run. One confirmation starts one run, however often it is sent."""
    campaign = get_object_or_404(Campaign.objects.select_related("live"), pk=pk)
    if request.method == "POST":
        return _launch(request, campaign)
    plan = _plan(request, campaign)
    plan.problems += plans.channel_problems(plan.config)
    plan.problems += _approval_problems(plan)
    return _page(request, "console/launch.html", "Launch", plan, occurrence=f"console:{uuid.uuid4()}")


def publish(request: HttpRequest, pk: int) -> HttpResponse:
    """Freeze the draft; what has a time or an event begins by itself from then on."""
    campaign = get_object_or_404(Campaign.objects.select_related("live"), pk=pk)
    if not is_what_was_seen(request, campaign):
        return redirect("admin:campaigns_campaign_change", pk)
    into_running = "into_running" in request.POST

    def act() -> str:
        by: Any = request.user
        provided.call(campaign, context.current())
        version = configuration.publish(campaign, by=by, now=timezone.now(), into_running=into_running)
        if into_running:
            return f"Version {version.number} is published: what runs says the new words from its next batch on."
        return f"Version {version.number} is published. It starts {version_starts(version.config)}."

    return answered(request, campaign, act)


def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Off the schedule: nothing starts by itself any more."""
    campaign = get_object_or_404(Campaign, pk=pk)

    def act() -> str:
        configuration.withdraw(campaign)
        return f"{campaign.name} is off the schedule. Scheduling it again puts it back."

    return answered(request, campaign, act)


def version_starts(config: dict[str, Any]) -> str:
    return drafts.trigger_words(config["trigger"], context.current().tzinfo)


def _approval_problems(plan: Plan) -> list[str]:
    if plan.resolved is None or not reviews.is_needed(plan.policy) or reviews.approval(plan.campaign, plan.resolved):
        return []
    return ["The policy asks for approval: submit it for review on the campaign's page."]


def _launch(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    if not is_what_was_seen(request, campaign):
        return redirect("admin:campaigns_campaign_change", campaign.pk)
    try:
        provided.check(campaign, context.current())
        run = configuration.launch(
            campaign, by=str(request.user), now=timezone.now(), occurrence=request.POST.get("occurrence") or None
        )
    except Invalid as invalid:
        tell(request, invalid)
    except (NotAllowed, ChannelUnavailable) as refusal:
        messages.error(request, f"Nothing was launched. {refusal}")
    else:
        bell.ring()
        return redirect("admin:campaigns_run_change", run.pk)
    return redirect("admin:campaigns_campaign_change", campaign.pk)


def _plan(request: HttpRequest, campaign: Campaign) -> Plan:
    return plans.plan(campaign, now=timezone.now(), by=str(request.user))


def _page(request: HttpRequest, template: str, title: str, plan: Plan, **more: Any) -> HttpResponse:
    shown = retailer_console.each_context(request) | more
    shown |= {"title": f"{title}: {plan.campaign.name}", "plan": plan, "campaign": plan.campaign, "now": timezone.now()}
    shown["open_run"] = Run.objects.open().filter(campaign=plan.campaign).first()
    shown |= {"starts": plan.starts, "media": scripts("pane.js")}
    return render(request, template, shown)
