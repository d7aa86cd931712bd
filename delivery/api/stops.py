"""The emergency stop: of all the retailer's sending, or of one campaign."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import configuration
from campaigns.lifecycle import NotAllowed
from campaigns.serializers import CampaignSummary, StopReasonSerializer, StopSerializer, stop
from delivery.api.base import DeliveryView
from delivery.api.steering import SteeringView
from tenants import bell, context, stops
from tenants.accounts.models import Scope
from tenants.idempotency import once


class SendingStop(DeliveryView):
    scopes = dict.fromkeys(["POST", "DELETE"], Scope.WRITE)

    @extend_schema(operation_id="stop_retrieve", responses=StopSerializer)
    def get(self, request: Request) -> Response:
        """The stop that stands: the platform's before the retailer's own."""
        return _told()

    @extend_schema(operation_id="stop_create", request=StopReasonSerializer, responses=StopSerializer)
    @once
    def post(self, request: Request) -> Response:
        """Stop all sending, within seconds. What is queued stays so. One that stands is left as it is."""
        given = StopReasonSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        stops.stop(context.current(), **given.validated_data)
        return _told()

    @extend_schema(operation_id="stop_destroy", responses={200: StopSerializer})
    def delete(self, request: Request) -> Response:
        """Let the retailer's sending go on, and tell what still stands: only the platform lifts its own stop."""
        retailer = context.current()
        if not stops.lift(retailer) and stops.standing(retailer):
            raise NotAllowed("The platform stopped all sending, and only the platform can lift that.")
        bell.ring()
        return _told()


class CampaignStop(SteeringView):
    @extend_schema(request=StopReasonSerializer, responses=CampaignSummary)
    @once
    def post(self, request: Request, key: str) -> Response:
        """Pause every run of the campaign before its next hand-over, and begin none until it may go on."""
        given = StopReasonSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        campaign = self.get_object()
        configuration.stop(campaign, **given.validated_data)
        return Response(CampaignSummary(campaign).data)


class CampaignGoOn(SteeringView):
    @extend_schema(request=None, responses=CampaignSummary)
    @once
    def post(self, request: Request, key: str) -> Response:
        """Undo a stop: paused runs go on, and the campaign is back on the clock."""
        campaign = self.get_object()
        configuration.go_on(campaign)
        bell.ring()
        return Response(CampaignSummary(campaign).data)


def _told() -> Response:
    return Response(stop(stops.standing(context.current())))
