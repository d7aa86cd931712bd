"""Launching a campaign, and pausing, resuming and cancelling the run it has open."""

from __future__ import annotations

import hashlib
from typing import cast

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import configuration
from campaigns.api import etags
from campaigns.lifecycle import NotAllowed
from campaigns.models import Campaign, Run
from delivery import providers
from delivery.api.base import DeliveryView
from delivery.serializers import PauseSerializer, RunSerializer
from tenants import bell, context
from tenants.accounts.models import ApiKey, Scope
from tenants.idempotency import key_of, once


class SteeringView(DeliveryView):
    queryset = Campaign.objects.select_related("live")
    lookup_field = "key"
    scopes = {"POST": Scope.WRITE}

    def open_run(self) -> Run:
        """The run under way. Raises NotAllowed."""
        campaign = self.get_object()
        run = Run.objects.open().select_related("campaign", "version").filter(campaign=campaign).order_by("-pk").first()
        if run is None:
            raise NotAllowed(f"{campaign.key!r} has no run under way: launch it first.")
        return run


class CampaignLaunch(SteeringView):
    @extend_schema(request=None, responses={202: RunSerializer})
    @once
    def post(self, request: Request, key: str) -> Response:
        """Start a run, publishing the draft first where it changed. Workers carry it on: follow `Location`."""
        campaign = self.get_object()
        etags.check(request, campaign.draft_number)
        providers.channel(context.current(), "email").check()
        run = configuration.launch(campaign, by=self.caller, now=timezone.now(), occurrence=_occurrence(request))
        bell.ring()
        location = request.path.removesuffix(f"campaigns/{key}/launch/") + f"runs/{run.pk}/"
        return Response(RunSerializer(run).data, status=202, headers={"Location": location})


class CampaignPause(SteeringView):
    @extend_schema(request=PauseSerializer, responses=RunSerializer)
    @once
    def post(self, request: Request, key: str) -> Response:
        """Stop before the next hand-over."""
        given = PauseSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        run = self.open_run()
        configuration.pause(run, reason=given.validated_data["reason"])
        return Response(RunSerializer(run).data)


class CampaignResume(SteeringView):
    @extend_schema(request=None, responses=RunSerializer)
    @once
    def post(self, request: Request, key: str) -> Response:
        """Go on where the paused run stopped."""
        run = self.open_run()
        configuration.resume(run)
        bell.ring()
        return Response(RunSerializer(run).data)


class CampaignCancel(SteeringView):
    @extend_schema(request=None, responses={200: RunSerializer, 204: None})
    @once
    def post(self, request: Request, key: str) -> Response:
        """End the run: what was not handed over is cancelled. A campaign only scheduled is taken off the clock."""
        campaign = self.get_object()
        if not Run.objects.open().filter(campaign=campaign).exists():
            configuration.withdraw(campaign)
            return Response(status=204)
        run = self.open_run()
        configuration.cancel(run)
        bell.ring()
        return Response(RunSerializer(run).data)


def _occurrence(request: Request) -> str | None:
    """A launch repeated with its key is the same occurrence, even after the answer itself was forgotten."""
    key = key_of(request)
    if key is None:
        return None
    return f"api:{hashlib.sha256(f'{cast(ApiKey, request.auth).pk} {key}'.encode()).hexdigest()}"
