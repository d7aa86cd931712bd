"""The API's shapes: what is read from a request, what is told in an answer. No rules live here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from rest_framework import serializers

from campaigns.audience import Waterfall
from campaigns.config.campaign import CampaignConfig
from campaigns.config.gate import Problem
from campaigns.config.rules import Rule
from campaigns.ingest import RowResult
from campaigns.models import Campaign, CampaignVersion, Customer, Segment, Suppression, Template, TemplateVersion
from campaigns.models.customers import Channel

MOST_ROWS = 1000


class ProblemSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(allow_blank=True, help_text="Its path, such as steps.0.template.")
    message = serializers.CharField(help_text="What is wrong, and the cure.")
    code = serializers.CharField()


def problems(found: Sequence[Problem]) -> list[dict[str, str]]:
    return [{"field": p.field, "message": p.message, "code": p.code} for p in found]


# -- customers and events: rows go to campaigns.ingest as they came ----------------------------------------------------
class CustomerSerializer(serializers.ModelSerializer[Customer]):
    class Meta:
        model = Customer
        fields = [
            "external_id", "email", "phone", "first_name", "last_name", "city", "country", "timezone", "locale",
            "consent_email", "consent_sms", "consent_push", "attributes", "created_at", "updated_at",
        ]  # fmt: skip


class SentEventSerializer(serializers.Serializer[Any]):
    event_id = serializers.CharField(max_length=100, help_text="The sender's own id: sent twice, it happened once.")
    external_id = serializers.CharField(max_length=100, help_text="Whose event it is.")
    name = serializers.CharField(max_length=64)
    occurred_at = serializers.DateTimeField(help_text="Without an offset: in the retailer's time zone.")
    value = serializers.DecimalField(max_digits=14, decimal_places=4, required=False, allow_null=True)
    currency = serializers.CharField(max_length=3, required=False)
    properties = serializers.DictField(required=False)


class CustomerRows(serializers.Serializer[Any]):
    customers = CustomerSerializer(many=True, help_text=f"At most {MOST_ROWS}.")


class EventRows(serializers.Serializer[Any]):
    events = SentEventSerializer(many=True, help_text=f"At most {MOST_ROWS}.")


class RowSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    id = serializers.CharField(help_text="The row's external_id or event_id.")
    status = serializers.ChoiceField(["created", "updated", "unchanged", "duplicate", "rejected"])
    errors = ProblemSerializer(many=True)  # type: ignore[assignment]


class RowsSerializer(serializers.Serializer[Any]):
    results = RowSerializer(many=True)
    counts = serializers.DictField(child=serializers.IntegerField())


def rows(data: Any, name: str) -> list[Any]:
    """The rows of `{name: [...]}` or of a bare list. Raises ValidationError."""
    given = data.get(name) if isinstance(data, dict) else data
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_ROWS:
        message = f'send {{"{name}": [...]}} with 1 to {MOST_ROWS} objects'
        raise serializers.ValidationError({name: [serializers.ErrorDetail(message, code="rows")]})
    return given


def row_result(result: RowResult) -> dict[str, Any]:
    errors = [{"field": p.field, "message": p.message, "code": "invalid"} for p in result.problems]
    return {"index": result.index, "id": result.id, "status": result.status, "errors": errors}


def row_results(results: Sequence[RowResult]) -> dict[str, Any]:
    return {"results": [row_result(each) for each in results], "counts": Counter(each.status for each in results)}


# -- segments ----------------------------------------------------------------------------------------------------------
class SegmentSerializer(serializers.ModelSerializer[Segment]):
    class Meta:
        model = Segment
        fields = ["key", "name", "description", "rule", "created_at", "updated_at"]


class RuleBody(BaseModel):
    """A rule to try out."""

    rule: Rule


class RuleSerializer(serializers.Serializer[Any]):
    rule = serializers.JSONField()


class WaterfallSerializer(serializers.Serializer[Waterfall]):
    candidates = serializers.IntegerField()
    included = serializers.IntegerField()
    excluded = serializers.DictField(child=serializers.IntegerField(), help_text="By reason.")


class RulePreviewSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    waterfall = WaterfallSerializer(help_text="Whom an e-mail would reach.")
    sample = serializers.ListField(child=serializers.DictField())


# -- templates ---------------------------------------------------------------------------------------------------------
class TemplateSummary(serializers.ModelSerializer[Template]):
    live_version = serializers.IntegerField(source="live.number", default=None, read_only=True)

    class Meta:
        model = Template
        fields = ["key", "name", "channel", "subject", "live_version", "created_at", "updated_at"]


class TemplateSerializer(serializers.ModelSerializer[Template]):
    live_version = serializers.IntegerField(source="live.number", default=None, read_only=True)

    class Meta:
        model = Template
        fields = [
            "key", "name", "channel", "subject", "preheader", "html", "text", "live_version", "created_at", "updated_at"
        ]  # fmt: skip
        extra_kwargs = {"html": {"trim_whitespace": False}, "text": {"trim_whitespace": False}}


class TemplateVersionSerializer(serializers.ModelSerializer[TemplateVersion]):
    class Meta:
        model = TemplateVersion
        fields = ["number", "content_hash", "subject", "published_at"]


class RollbackSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


# -- campaigns: a document is its draft's configuration, with what only we may write beside it -------------------------
class CampaignDocument(CampaignConfig):
    """The draft configuration. The fields after `topic` are told, and ignored when sent."""

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


class CampaignVersionSerializer(serializers.ModelSerializer[CampaignVersion]):
    class Meta:
        model = CampaignVersion
        fields = ["number", "content_hash", "config", "published_at"]


class VerdictSerializer(serializers.Serializer[Any]):
    valid = serializers.BooleanField()
    errors = ProblemSerializer(many=True)  # type: ignore[assignment]


def campaign_document(campaign: Campaign) -> dict[str, Any]:
    return {**campaign.draft, **CampaignSummary(campaign).data}


def configuration(document: Any) -> Any:
    """What a client may write of a campaign's document."""
    if not isinstance(document, Mapping):
        return document
    return {name: value for name, value in document.items() if name not in _TOLD}


# -- suppressions ------------------------------------------------------------------------------------------------------
class SuppressionSerializer(serializers.ModelSerializer[Suppression]):
    class Meta:
        model = Suppression
        fields = ["channel", "address", "reason", "source", "created_at"]
        read_only_fields = ["source"]
        validators: list[Any] = []  # adding one that stands is no error


class SuppressedAddress(serializers.Serializer[Any]):
    channel = serializers.ChoiceField(Channel.choices, default=Channel.EMAIL)
    address = serializers.CharField(max_length=254)
