"""Campaigns: a document is its draft's configuration, with what only we may write beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict
from rest_framework import serializers

from campaigns.config.campaign import CampaignConfig
from campaigns.models import Campaign
from campaigns.serializers import json_schemas
from campaigns.serializers.problems import FindingSerializer, ProblemSerializer


class CampaignDraft(CampaignConfig):
    """A draft: what it leaves out is filled in by its blueprint and the defaults."""

    model_config = ConfigDict(json_schema_extra=json_schemas.as_draft)


class CampaignDocument(CampaignDraft):
    """The draft. The fields after `topic` are told, and ignored when sent."""

    state: str
    draft_number: int
    live_version: int | None
    created_at: str
    updated_at: str


_TOLD = tuple(CampaignDocument.model_fields.keys() - CampaignConfig.model_fields.keys())


class CampaignSummary(serializers.ModelSerializer[Campaign]):
    live_version = serializers.IntegerField(source="live.number", default=None, read_only=True)

    class Meta:
        model = Campaign
        fields = ["key", "name", "state", "draft_number", "live_version", "created_at", "updated_at"]


class VerdictSerializer(serializers.Serializer[Any]):
    valid = serializers.BooleanField()
    errors = ProblemSerializer(many=True)  # type: ignore[assignment]
    findings = FindingSerializer(many=True, help_text="What the checks before launch found, the heaviest first.")


class PublishSerializer(serializers.Serializer[Any]):
    into_running = serializers.BooleanField(
        default=False, help_text="Runs under way read the new copy from their next batch on; only copy may differ."
    )


class BoundSerializer(serializers.Serializer[Any]):
    source = serializers.CharField(help_text="The platform, a group or the retailer.")  # type: ignore[assignment]
    words = serializers.CharField()


class ResolvedSerializer(serializers.Serializer[Any]):
    """The draft as it would run now."""

    config = serializers.DictField(help_text="The whole configuration.")
    provenance = serializers.DictField(child=serializers.CharField(), help_text="By field: the layer it comes from.")
    policy = serializers.DictField(child=BoundSerializer(many=True), help_text="By bound: who says what.")


def campaign_document(campaign: Campaign) -> dict[str, Any]:
    return {**campaign.draft, **CampaignSummary(campaign).data}


def configuration(document: Any) -> Any:
    """What a client may write of a campaign's document."""
    if not isinstance(document, Mapping):
        return document
    return {name: value for name, value in document.items() if name not in _TOLD}


def bounds(sources: Mapping[str, list[tuple[str, str]]]) -> dict[str, list[dict[str, str]]]:
    """Who says what of each bound of the policy in force."""
    return {bound: [{"source": source, "words": words} for source, words in said] for bound, said in sources.items()}
