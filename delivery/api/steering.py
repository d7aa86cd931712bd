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
from campaigns.api.campaigns import unmoved
from campaigns.lifecycle import NotAllowed
from campaigns.models import Campaign, Run
from delivery import provided, tempo
from delivery.api.base import DeliveryView
from delivery.serializers import PauseSerializer, RunSerializer, ThrottleSerializer
from tenants import bell, context
from tenants.accounts.models import ApiKey, Scope
from tenants.idempotency import key_of, once


class SteeringView(DeliveryView):
    queryset = Campaign.objects.select_related("live")
    lookup_field = "key"
    scopes = {"POST": Scope.WRITE}

    def open_run(self, *, unless: Campaign.State | None = None) -> Run | None:
        """The run under way; None for a campaign in the state `unless` that has none. Raises NotAllowed."""
        campaign = self.get_object()
        run = Run.objects.open().select_related("campaign", "version").filter(campaign=campaign).order_by("-pk").first()
        if run is None and campaign.state != unless:
            raise NotAllowed(f"{campaign.key!r} has no run under way: launch it first.")
        return run


class CampaignLaunch(SteeringView):
    @extend_schema(request=None, responses={202: RunSerializer})
    @once
    def post(self, request: Request, key: str) -> Response:
        """Start a run, publishing the draft first where it changed. Workers carry it on: follow `Location`."""
        etags.check_draft(request, self.get_object())
        provided.check(self.get_object(), context.current())
        with unmoved(request, key) as campaign:
            run = configuration.launch(campaign, by=self.caller, now=timezone.now(), occurrence=_occurrence(request))
        bell.ring()
        location = request.path.removesuffix(f"campaigns/{key}/launch/") + f"runs/{run.pk}/"
        return Response(RunSerializer(run).data, status=202, headers={"Location": location})


class CampaignPause(SteeringView):
    @extend_schema(request=PauseSerializer, responses={200: RunSerializer, 204: None})
    @once
    def post(self, request: Request, key: str) -> Response:
        """Stop before the next hand-over. A campaign only scheduled is stopped: it does not begin until resumed."""
        given = PauseSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        run = self.open_run(unless=Campaign.State.SCHEDULED)
        if run is None:
            configuration.stop(self.get_object(), **given.validated_data)
            return Response(status=204)
        configuration.pause(run, **given.validated_data)
        return Response(RunSerializer(run).data)


class CampaignResume(SteeringView):
    @extend_schema(request=None, responses={200: RunSerializer, 204: None})
    @once
    def post(self, request: Request, key: str) -> Response:
        """Go on where the paused run stopped. A campaign stopped before it began waits for its time again."""
        run = self.open_run(unless=Campaign.State.PAUSED)
        if run is None:
            configuration.go_on(self.get_object())
            bell.ring()
            return Response(status=204)
        configuration.resume(run)
        bell.ring()
        return Response(RunSerializer(run).data)


class CampaignCancel(SteeringView):
    @extend_schema(request=None, responses={200: RunSerializer, 204: None})
    @once
    def post(self, request: Request, key: str) -> Response:
        """End the run: what was not handed over is cancelled. A campaign only scheduled is taken off the clock."""
        run = self.open_run(unless=self.get_object().state)
        if run is None:
            configuration.withdraw(self.get_object())
            return Response(status=204)
        configuration.cancel(run)
        bell.ring()
        return Response(RunSerializer(run).data)


class CampaignThrottle(SteeringView):
    @extend_schema(request=ThrottleSerializer, responses=RunSerializer)
    @once
    def post(self, request: Request, key: str) -> Response:
        """Hold the run under way to so many messages a minute, from the next hand-over on; null lets it go freely."""
        given = ThrottleSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        run = self.open_run()
        assert run is not None
        tempo.throttle(run, given.validated_data["per_minute"])
        bell.ring()
        return Response(RunSerializer(run).data)


def _occurrence(request: Request) -> str | None:
    """A launch repeated with its key is the same occurrence, even after the answer itself was forgotten."""
    key = key_of(request)
    if key is None:
        return None
    return f"api:{hashlib.sha256(f'{cast(ApiKey, request.auth).pk} {key}'.encode()).hexdigest()}"
