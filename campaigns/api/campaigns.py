from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import configuration, editing, inspection, policies, resolution, serializers
from campaigns.api import etags
from campaigns.api.base import ApiView, ListView, keyed
from campaigns.config.gate import Invalid, Problem
from campaigns.models import Campaign
from tenants import context
from tenants.accounts.models import Scope
from tenants.idempotency import once

CAMPAIGNS = Campaign.objects.select_related("live")
_DOCUMENT = {200: serializers.CampaignDocument}


class Campaigns(ListView):
    """Campaigns in short; each has its whole configuration at its own address."""

    queryset = CAMPAIGNS
    serializer_class = serializers.CampaignSummary
    filters = {"state": ", ".join(Campaign.State.values)}
    scopes = {"POST": Scope.WRITE}

    def get_queryset(self) -> QuerySet[Campaign]:
        state = self.given("state")
        return CAMPAIGNS.filter(state=state) if state else CAMPAIGNS.all()

    @extend_schema(request=serializers.CampaignDraft, responses={201: serializers.CampaignDocument})
    @once
    def post(self, request: Request) -> Response:
        """Make a draft. It may leave out what its blueprint and the defaults say, and may still refer to what does
        not exist: publishing looks at that.
        """
        campaign = configuration.save_draft(serializers.configuration(request.data))
        response = told(campaign, status=201)
        response["Location"] = f"{request.path}{campaign.key}/"
        return response


class CampaignView(ApiView):
    queryset = CAMPAIGNS
    lookup_field = "key"


class CampaignDetail(CampaignView):
    scopes = dict.fromkeys(["PUT", "PATCH", "DELETE"], Scope.WRITE)

    @extend_schema(responses=_DOCUMENT)
    def get(self, request: Request, key: str) -> Response:
        return told(self.get_object())

    @extend_schema(request=serializers.CampaignDraft, responses=_DOCUMENT)
    def put(self, request: Request, key: str) -> Response:
        """Replace the draft. With If-Match: only the draft that was read."""
        campaign = self.get_object()
        return _save(request, campaign, serializers.configuration(keyed(request, key)))

    @extend_schema(request=serializers.CampaignDraft, responses=_DOCUMENT)
    def patch(self, request: Request, key: str) -> Response:
        """Change the draft by a JSON Merge Patch (RFC 7396)."""
        campaign = self.get_object()
        changes = serializers.configuration(keyed(request, key))
        return _save(request, campaign, editing.merged(campaign.draft, changes))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, key: str) -> Response:
        """Remove a campaign that never ran."""
        with unmoved(request, key) as campaign:
            editing.remove_campaign(campaign)
        return Response(status=204)


class CampaignResolved(CampaignView):
    @extend_schema(responses=serializers.ResolvedSerializer)
    def get(self, request: Request, key: str) -> Response:
        """The draft as it would run now: where each field comes from, and who bounds what."""
        campaign = self.get_object()
        resolved = resolution.resolve(campaign.draft)
        told = {
            "config": resolved.document,
            "provenance": dict(resolved.provenance),
            "policy": serializers.bounds(policies.sources(context.current())),
        }
        return Response(told, headers=etags.headers(campaign.draft_number))


class CampaignValidate(CampaignView):
    scopes = {"POST": Scope.READ}

    @extend_schema(request=serializers.CampaignDraft, responses=serializers.VerdictSerializer)
    @once
    def post(self, request: Request, key: str) -> Response:
        """Everything that keeps the draft, or the configuration sent, from being published."""
        campaign = self.get_object()
        draft = serializers.configuration(request.data) or campaign.draft
        found = _problems(draft)
        findings = [inspection.as_data(told) for told in _findings(draft)]
        return Response({"valid": not found, "errors": serializers.problems(found), "findings": findings})


@contextmanager
def unmoved(request: Request, key: str) -> Iterator[Campaign]:
    """The campaign, kept for as long as this lasts at the draft that If-Match names. Raises PreconditionFailed."""
    with transaction.atomic():
        campaign = get_object_or_404(CAMPAIGNS.select_for_update(of=("self",), no_key=True), key=key)
        etags.check_draft(request, campaign)
        yield campaign


def told(campaign: Campaign, *, status: int = 200) -> Response:
    """The campaign's document and its ETag."""
    return Response(
        serializers.campaign_document(campaign), status=status, headers=etags.headers(campaign.draft_number)
    )


def _save(request: Request, campaign: Campaign, config: Any) -> Response:
    etags.check_draft(request, campaign)
    saved = configuration.save_draft(config, campaign=campaign, draft_number=campaign.draft_number)
    return told(saved)


def _problems(config: Any) -> list[Problem]:
    try:
        resolved = resolution.resolve(resolution.pinned(config))
        return configuration.check(resolved.config, as_of=timezone.now())
    except Invalid as invalid:
        return invalid.problems


def _findings(config: Any) -> list[inspection.Told]:
    """What the checks before launch find in it; nothing in what cannot be read."""
    try:
        resolved = resolution.resolve(resolution.pinned(config))
        return inspection.look(inspection.matter(resolved.config), policies.effective(context.current()))
    except Invalid:
        return []
