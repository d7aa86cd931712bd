"""Approval: what would change, who would get it, how it looks, and an approver's two buttons."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from campaigns import reviews
from campaigns.differences import differences
from campaigns.models import Campaign, Review
from delivery import provided
from delivery.views import plans
from delivery.views.answers import answered
from tenants import acting, context
from tenants.accounts.models import Role
from tenants.console import may, retailer_console, scripts


def review_page(request: HttpRequest, pk: int) -> HttpResponse:
    campaign = get_object_or_404(Campaign.objects.select_related("live"), pk=pk)
    plan = plans.plan(campaign, now=timezone.now())
    pending = reviews.pending(campaign)
    wanted = pending.config if pending else plan.resolved.document if plan.resolved else {}
    shown = retailer_console.each_context(request) | {
        "title": f"Review: {campaign.name}",
        "campaign": campaign,
        "media": scripts("pane.js"),
        "plan": plan,
        "starts": plan.starts,
        "pending": pending,
        "live": campaign.live,
        "changes": differences(campaign.live.config if campaign.live else {}, wanted),
        "why_not": why_not(request, pending),
        "decided": campaign.reviews.exclude(verdict=Review.Verdict.PENDING).order_by("-pk")[:5],
    }
    return render(request, "console/review.html", shown)


def submit(request: HttpRequest, pk: int) -> HttpResponse:
    campaign = get_object_or_404(Campaign, pk=pk)

    def act() -> str:
        provided.call(campaign, context.current())
        reviews.submit(campaign, note=acting.current().reason, now=timezone.now())
        return "Submitted: an approver who had no hand in it can agree now."

    return answered(request, campaign, act)


def approve(request: HttpRequest, pk: int) -> HttpResponse:
    campaign = get_object_or_404(Campaign, pk=pk)

    def act() -> str:
        reviews.approve(campaign, answer=acting.current().reason, now=timezone.now())
        return "Approved: exactly this can be scheduled and launched now."

    return answered(request, campaign, act)


def send_back(request: HttpRequest, pk: int) -> HttpResponse:
    campaign = get_object_or_404(Campaign, pk=pk)

    def act() -> str:
        reviews.send_back(campaign, answer=acting.current().reason, now=timezone.now())
        return "Sent back: it is a draft again, with your answer on its page."

    return answered(request, campaign, act)


def why_not(request: HttpRequest, pending: Review | None) -> str:
    """Why whoever looks has no button to approve with; empty where they have one."""
    if pending is None:
        return "It is not under review: submit it first."
    if not may(request, Role.APPROVER):
        return "An approver has to agree: your role does not include that."
    if f"user:{request.user.pk}" in pending.authors:
        return "You had a hand in this draft, so somebody else has to approve it."
    return ""
