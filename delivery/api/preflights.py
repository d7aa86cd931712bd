"""What a launch would come to."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import configuration, resolution
from campaigns.api.base import ApiView
from campaigns.config.gate import Invalid
from campaigns.models import Campaign
from delivery import preflight
from delivery.serializers import PreflightSerializer
from tenants.accounts.models import Scope
from tenants.idempotency import once


class CampaignPreflight(ApiView):
    queryset = Campaign.objects.select_related("live")
    lookup_field = "key"
    scopes = {"POST": Scope.READ}

    @extend_schema(responses=PreflightSerializer)
    def get(self, request: Request, key: str) -> Response:
        """Who would get the draft if it were launched now, who would not, when, and what stands in the way."""
        campaign, now = self.get_object(), timezone.now()
        resolved = resolution.resolve(resolution.pinned(campaign.draft))
        if problems := configuration.check(resolved.config, as_of=now):
            raise Invalid(problems)
        made = preflight.make(campaign, now=now, by=self.caller, resolved=resolved)
        return Response(preflight.as_data(made))

    @extend_schema(request=None, responses=PreflightSerializer)
    @once
    def post(self, request: Request, key: str) -> Response:
        """The same as GET."""
        return self.get(request, key)
