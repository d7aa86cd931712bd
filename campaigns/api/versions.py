"""Publishing a campaign's draft, and the versions that this left."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import configuration, history, serializers
from campaigns.api import etags
from campaigns.api.base import ListView
from campaigns.api.campaigns import CampaignView, told, unmoved
from campaigns.models import Campaign, CampaignVersion
from tenants.accounts.models import Scope
from tenants.idempotency import once

_SIDE = "A version's number, live, or draft."


class CampaignPublish(CampaignView):
    scopes = {"POST": Scope.WRITE}

    @extend_schema(request=serializers.PublishSerializer, responses=serializers.CampaignVersionSerializer)
    @once
    def post(self, request: Request, key: str) -> Response:
        """Freeze the draft as the live version; a scheduled campaign is then due at its time."""
        given = serializers.PublishSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        with unmoved(request, key) as campaign:
            version = configuration.publish(campaign, now=timezone.now(), **given.validated_data)
        return Response(serializers.CampaignVersionSerializer(version).data)


class CampaignVersions(ListView):
    """The versions published, the latest first."""

    serializer_class = serializers.VersionSummary
    newest_first = True

    def get_queryset(self) -> QuerySet[CampaignVersion]:
        return get_object_or_404(Campaign, key=self.kwargs["key"]).versions.all()


class CampaignVersionDetail(CampaignView):
    @extend_schema(responses=serializers.CampaignVersionSerializer)
    def get(self, request: Request, key: str, number: int) -> Response:
        """One version: what runs, what its author had written of it, and where the rest came from."""
        version = get_object_or_404(self.get_object().versions, number=number)
        return Response(serializers.CampaignVersionSerializer(version).data)


class CampaignVersionRestore(CampaignView):
    scopes = {"POST": Scope.WRITE}

    @extend_schema(request=None, responses={200: serializers.CampaignDocument})
    @once
    def post(self, request: Request, key: str, number: int) -> Response:
        """Make the draft what that version was published from. What is live stays so until it is published."""
        campaign = self.get_object()
        get_object_or_404(campaign.versions, number=number)
        etags.check_draft(request, campaign)
        return told(configuration.restore(campaign, number, draft_number=campaign.draft_number))


class CampaignDiff(CampaignView):
    @extend_schema(
        parameters=[
            OpenApiParameter("from", description=_SIDE, default=history.LIVE),
            OpenApiParameter("to", description=_SIDE, default=history.DRAFT),
        ],
        responses=serializers.DiffSerializer,
    )
    def get(self, request: Request, key: str) -> Response:
        """What differs between two of the campaign's configurations, in words."""
        one = str(request.query_params.get("from", history.LIVE))
        other = str(request.query_params.get("to", history.DRAFT))
        found = history.compared(self.get_object(), one, other)
        return Response({"from": one, "to": other, "differences": serializers.differences(found)})
