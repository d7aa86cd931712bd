"""Why one person gets a campaign's messages, or does not."""

from __future__ import annotations

import re

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api.base import ApiView, refusal
from campaigns.config.gate import Problem
from campaigns.models import Campaign, Customer, Run
from delivery import explanation


class CustomerExplanation(ApiView):
    queryset = Customer.objects.all()
    lookup_field = "external_id"

    @extend_schema(
        responses={200: OpenApiTypes.OBJECT},
        parameters=[
            OpenApiParameter("campaign", str, required=True, description="The campaign's key."),
            OpenApiParameter("run", int, description="Ask what this run asked; the draft as of now when left out."),
        ],
    )
    def get(self, request: Request, external_id: str) -> Response:
        """Every rule with the person's own values, every check, and what became of each message."""
        customer = self.get_object()
        campaign = _campaign(request.query_params.get("campaign", ""))
        run = _run(campaign, request.query_params.get("run"))
        return Response(explanation.explain(campaign, customer, now=timezone.now(), run=run))


def _campaign(key: str) -> Campaign:
    found = Campaign.objects.filter(key=key).first()
    if found is None:
        known = ", ".join(Campaign.objects.order_by("key").values_list("key", flat=True)[:20]) or "none yet"
        told = f"there is no campaign {key[:63]!r}; known: {known}" if key else "name a campaign by its key"
        raise refusal([Problem("campaign", told, "unknown" if key else "missing")])
    return found


def _run(campaign: Campaign, given: str | None) -> Run | None:
    if given is None:
        return None
    is_number = re.fullmatch(r"[0-9]{1,18}", given, re.ASCII)
    found = campaign.runs.select_related("version").filter(pk=int(given)).first() if is_number else None
    if found is None:
        raise refusal([Problem("run", f"{campaign.key} has no such run: give the id of one of its runs", "unknown")])
    return found
