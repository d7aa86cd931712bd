"""Starting points that the platform offers, and their later improvements."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import blueprinting, blueprints, serializers
from campaigns.api import etags
from campaigns.api.base import ApiView
from campaigns.api.campaigns import CampaignView, told
from campaigns.blueprints import Blueprint
from tenants.accounts.models import Scope
from tenants.idempotency import once


class Blueprints(ApiView):
    @extend_schema(operation_id="blueprints_list", responses=serializers.BlueprintsSerializer)
    def get(self, request: Request) -> Response:
        """The newest version of each, by name."""
        return Response(serializers.BlueprintsSerializer({"results": blueprints.catalogue()}).data)


class BlueprintDetail(ApiView):
    @extend_schema(operation_id="blueprints_retrieve", responses=serializers.BlueprintSerializer)
    def get(self, request: Request, key: str) -> Response:
        """The newest version of one, with all it brings along."""
        return Response(serializers.BlueprintSerializer(_found(key)).data)


class BlueprintInstantiate(ApiView):
    scopes = {"POST": Scope.WRITE}

    @extend_schema(request=serializers.InstantiateSerializer, responses={201: serializers.CampaignDocument})
    @once
    def post(self, request: Request, key: str) -> Response:
        """Make a campaign from it, with the segments and templates that the retailer lacks."""
        blueprint = _found(key)
        given = serializers.InstantiateSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        campaign = blueprinting.instantiate(blueprint.key, now=timezone.now(), **given.validated_data)
        response = told(campaign, status=201)
        root = request.path.removesuffix(f"blueprints/{key}/instantiate/")
        response["Location"] = f"{root}campaigns/{campaign.key}/"
        return response


class CampaignBlueprint(CampaignView):
    scopes = {"POST": Scope.WRITE}

    @extend_schema(responses={200: serializers.OfferSerializer, 204: None})
    def get(self, request: Request, key: str) -> Response:
        """A newer version of the campaign's blueprint, and what accepting it would change; 204 when there is none."""
        offer = blueprinting.offer(self.get_object())
        return Response(serializers.OfferSerializer(offer).data) if offer else Response(status=204)

    @extend_schema(request=None, responses={200: serializers.CampaignDocument})
    @once
    def post(self, request: Request, key: str) -> Response:
        """Accept it: the draft is pinned to the newest version. What is live stays so until it is published."""
        campaign = self.get_object()
        etags.check_draft(request, campaign)
        return told(blueprinting.accept(campaign, draft_number=campaign.draft_number, now=timezone.now()))


def _found(key: str) -> Blueprint:
    found = blueprints.get(key)
    if found is None:
        raise NotFound(f"There is no blueprint {key!r}.")
    return found
