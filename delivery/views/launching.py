"""From a draft to a run: who would get it, what it says, and the button."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from campaigns import audience, configuration
from campaigns.config.campaign import CampaignConfig, RecurringTrigger, ScheduleTrigger, Variant
from campaigns.config.gate import Invalid, content_hash, parse_campaign
from campaigns.forms import drafts
from campaigns.forms.campaigns import missing
from campaigns.forms.fields import CHANGED_MEANWHILE
from campaigns.lifecycle import NotAllowed
from campaigns.models import Campaign, Customer, Member, Run, Template, TemplateVersion
from delivery import previews, providers, trial
from delivery.channels.base import ChannelUnavailable
from delivery.previews import Preview
from tenants import bell, context
from tenants.console import retailer_console

SAMPLE = 200  # people whose messages are rendered before a launch, to see what would go wrong


@dataclass
class Plan:
    """What a launch would do. `problems` are what stands in its way."""

    campaign: Campaign
    problems: list[str]
    config: CampaignConfig | None = None
    waterfall: dict[str, Any] = field(default_factory=dict)
    customer: Customer | None = None
    shown: list[tuple[Variant, Preview]] = field(default_factory=list)
    looked_at: int = 0
    unrenderable: list[tuple[str, int]] = field(default_factory=list)

    @property
    def included(self) -> int:
        return int(self.waterfall.get("included", 0))

    @property
    def is_timed(self) -> bool:
        return self.config is not None and isinstance(self.config.trigger, ScheduleTrigger | RecurringTrigger)

    @property
    def recurs(self) -> bool:
        return self.config is not None and isinstance(self.config.trigger, RecurringTrigger)


def panel(campaign: Campaign) -> dict[str, Any]:
    """What the campaign's page shows above its form."""
    problems = missing(campaign, as_of=timezone.now())
    return {
        "problems": [problem for found in problems.values() for problem in found],
        "runs": campaign.runs.order_by("-pk")[:5],
        "open_run": campaign.runs.open().order_by("-pk").first(),
        "live": campaign.live,
        "kept": drafts.kept_words(campaign.draft),
        "starts": drafts.trigger_words(campaign.draft["trigger"], context.current().tzinfo),
        "is_timed": campaign.draft["trigger"]["kind"] in ("schedule", "recurring"),
        "is_changed": campaign.live is not None and content_hash(campaign.draft) != campaign.live.content_hash,
    }


def audience_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Who would get it, and who not, and why: counted by the statement that a run would use."""
    campaign = get_object_or_404(Campaign, pk=pk)
    return _page(request, "console/audience.html", "Audience", _plan(campaign, now=timezone.now()))


def launch_page(request: HttpRequest, pk: int) -> HttpResponse:
    """GET asks for confirmation, POST starts the run. One confirmation starts one run, however often it is sent."""
    campaign = get_object_or_404(Campaign.objects.select_related("live"), pk=pk)
    if request.method == "POST":
        return _launch(request, campaign)
    plan = _plan(campaign, now=timezone.now())
    plan.problems += _channel_problems(plan)
    return _page(request, "console/launch.html", "Launch", plan, occurrence=f"console:{uuid.uuid4()}")


def publish(request: HttpRequest, pk: int) -> HttpResponse:
    """Freeze the draft; a scheduled campaign is on the agenda from then on."""
    campaign = get_object_or_404(Campaign.objects.select_related("live"), pk=pk)
    if not _is_what_was_seen(request, campaign):
        return redirect("admin:campaigns_campaign_change", pk)
    try:
        version = configuration.publish(campaign, by=request.user, now=timezone.now())  # type: ignore[arg-type]
    except Invalid as invalid:
        _tell(request, invalid)
    else:
        bell.ring()
        starts = drafts.trigger_words(campaign.draft["trigger"], context.current().tzinfo)
        messages.success(request, f"Version {version.number} is published. It starts {starts}.")
    return redirect("admin:campaigns_campaign_change", pk)


def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Off the schedule: nothing starts by itself any more."""
    campaign = get_object_or_404(Campaign, pk=pk)
    try:
        configuration.withdraw(campaign)
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"{campaign.name} is off the schedule. Scheduling it again puts it back.")
    return redirect("admin:campaigns_campaign_change", pk)


def send_test(request: HttpRequest, pk: int) -> HttpResponse:
    """Each variant once, to the person who asks."""
    campaign = get_object_or_404(Campaign, pk=pk)
    plan = _plan(campaign, now=timezone.now())
    template = _template(plan.config) if plan.config else None
    if plan.problems or template is None or plan.config is None or plan.customer is None:
        said = "; ".join(plan.problems) or "There is no customer to render it for: import customers first."
        messages.error(request, f"No test was sent. {said}")
        return redirect("admin:campaigns_campaign_change", pk)
    try:
        sent = trial.send(context.current(), plan.config, template, plan.customer, to=request.user.email)  # type: ignore[union-attr]
    except (ChannelUnavailable, trial.CannotRender) as refusal:
        messages.error(request, f"No test was sent. {refusal}")
    else:
        said = "; ".join(f"variant {variant.key} {outcome.result}" for variant, outcome in sent)
        messages.success(request, f"Test for {plan.customer} to {request.user.email}: {said}.")  # type: ignore[union-attr]
    return redirect("admin:campaigns_campaign_change", pk)


def waterfall_rows(waterfall: audience.Waterfall) -> dict[str, Any]:
    """A waterfall as rows with their share of the candidates in percent."""
    labels = dict(Member.Reason.choices)
    all_of_them = waterfall.candidates or 1
    excluded, left = [], 100.0
    for reason, number in waterfall.excluded.items():
        share = 100 * number / all_of_them
        left -= share
        excluded.append({"label": labels[reason], "count": number, "share": share, "left": left})
    return {
        "candidates": waterfall.candidates,
        "included": waterfall.included,
        "share": 100 * waterfall.included / all_of_them,
        "excluded": excluded,
        "excluded_total": sum(waterfall.excluded.values()),
    }


def _launch(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    if not _is_what_was_seen(request, campaign):
        return redirect("admin:campaigns_campaign_change", campaign.pk)
    try:
        providers.channel(context.current(), _channel(campaign)).check()
        run = configuration.launch(
            campaign, by=str(request.user), now=timezone.now(), occurrence=request.POST.get("occurrence") or None
        )
    except Invalid as invalid:
        _tell(request, invalid)
    except (ChannelUnavailable, NotAllowed) as refusal:
        messages.error(request, f"Nothing was launched. {refusal}")
    else:
        bell.ring()
        return redirect("admin:campaigns_run_change", run.pk)
    return redirect("admin:campaigns_campaign_change", campaign.pk)


def _is_what_was_seen(request: HttpRequest, campaign: Campaign) -> bool:
    """What is launched is the draft that its confirmation showed."""
    is_same = request.POST.get("draft_number") == str(campaign.draft_number)
    if not is_same:
        messages.error(request, f"Nothing was started. {CHANGED_MEANWHILE}")
    return is_same


def _plan(campaign: Campaign, *, now: datetime) -> Plan:
    problems = [problem for found in missing(campaign, as_of=now).values() for problem in found]
    plan = Plan(campaign, problems)
    try:
        plan.config = parse_campaign(campaign.draft)
        plan.waterfall = waterfall_rows(audience.count(plan.config, as_of=now))
    except Invalid:
        return plan  # `missing` has said why
    template, people = _template(plan.config), _sample(plan.config, now)
    plan.customer = next((each for each in people if each.first_name and each.email), None) or next(iter(people), None)
    if template and plan.customer:
        _render(plan, plan.config, template, people)
    return plan


def _render(plan: Plan, config: CampaignConfig, template: TemplateVersion, people: list[Customer]) -> None:
    """Each variant for one person, and what goes wrong for the others of the sample."""
    assert plan.customer is not None
    plan.shown = [
        (variant, previews.of_variant(config, template, variant, plan.customer)) for variant in config.steps[0].variants
    ]
    plan.looked_at = len(people)
    plan.unrenderable = previews.problems(config, template, people).most_common()


def _channel_problems(plan: Plan) -> list[str]:
    try:
        providers.channel(context.current(), _channel(plan.campaign)).check()
    except ChannelUnavailable as unavailable:
        return [str(unavailable)]
    return []


def _channel(campaign: Campaign) -> str:
    return str(campaign.draft["steps"][0].get("channel", "email"))


def _sample(config: CampaignConfig, now: datetime) -> list[Customer]:
    _, people = audience.preview(config.audience.include, as_of=now, sample=SAMPLE)
    return list(Customer.objects.filter(external_id__in=[person["external_id"] for person in people]).order_by("pk"))


def _template(config: CampaignConfig) -> TemplateVersion | None:
    found = Template.objects.select_related("live").filter(key=config.steps[0].template).first()
    return found.live if found else None


def _tell(request: HttpRequest, invalid: Invalid) -> None:
    for problem in invalid.problems:
        messages.error(request, f"Nothing was started. {drafts.words(problem)}")


def _page(request: HttpRequest, template: str, title: str, plan: Plan, **more: Any) -> HttpResponse:
    shown = retailer_console.each_context(request) | more
    shown |= {"title": f"{title}: {plan.campaign.name}", "plan": plan, "campaign": plan.campaign, "now": timezone.now()}
    shown["open_run"] = Run.objects.open().filter(campaign=plan.campaign).first()
    shown["starts"] = drafts.trigger_words(plan.campaign.draft["trigger"], context.current().tzinfo)
    return render(request, template, shown)
