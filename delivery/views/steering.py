"""Holding a campaign, letting it go on, ending it: the buttons of its page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from campaigns import configuration
from campaigns.models import Campaign
from delivery.views.answers import answered
from tenants import acting


def pause(request: HttpRequest, pk: int) -> HttpResponse:
    """The run under way stops before its next hand-over; the clock goes on."""
    campaign = get_object_or_404(Campaign, pk=pk)

    def act() -> str:
        for run in campaign.runs.open().exclude(state="paused").select_related("campaign"):
            configuration.pause(run, reason=acting.current().reason or f"paused by {request.user}")
        return "Paused: nothing more goes out until it is resumed."

    return answered(request, campaign, act)


def resume(request: HttpRequest, pk: int) -> HttpResponse:
    campaign = get_object_or_404(Campaign, pk=pk)

    def act() -> str:
        configuration.go_on(campaign)
        return "It goes on where it stopped."

    return answered(request, campaign, act)


def stop(request: HttpRequest, pk: int) -> HttpResponse:
    """The emergency stop of one campaign."""
    campaign = get_object_or_404(Campaign, pk=pk)

    def act() -> str:
        why = acting.current().reason or "no reason was given"
        configuration.stop(campaign, reason=f"stopped by {request.user}: {why}")
        return "Stopped. Nothing more is handed over and nothing begins; Resume undoes it."

    return answered(request, campaign, act)


def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """For good: what was not handed over is not sent."""
    campaign = get_object_or_404(Campaign, pk=pk)

    def act() -> str:
        for run in campaign.runs.open().select_related("campaign"):
            configuration.cancel(run)
        return "Cancelled: what was not handed over yet will not be."

    return answered(request, campaign, act)
