"""What was: versions, reviews, differences, the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from campaigns.differences import Difference
from campaigns.models import CampaignVersion, Review
from tenants.accounts.models import AuditEntry


class VersionSummary(serializers.ModelSerializer[CampaignVersion]):
    class Meta:
        model = CampaignVersion
        fields = ["number", "content_hash", "published_at", "by", "reason", "approved_by"]


class CampaignVersionSerializer(serializers.ModelSerializer[CampaignVersion]):
    config = serializers.DictField(help_text="The whole configuration, as it runs.")
    draft = serializers.DictField(help_text="What its author had written of it.")
    provenance = serializers.DictField(child=serializers.CharField(), help_text="By field: the layer it came from.")

    class Meta:
        model = CampaignVersion
        fields = [*VersionSummary.Meta.fields, "config", "draft", "provenance"]


class DifferenceSerializer(serializers.Serializer[Difference]):
    field = serializers.CharField(help_text="Its path, with steps and variants by their keys.")
    label = serializers.CharField()  # type: ignore[assignment]
    before = serializers.CharField(help_text="In words.")
    after = serializers.CharField()


class DiffSerializer(serializers.Serializer[Any]):
    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Declared here, as one of the names is a word of Python's."""
        return {
            "from": serializers.CharField(),
            "to": serializers.CharField(),
            "differences": DifferenceSerializer(many=True),
        }


class ReviewSerializer(serializers.ModelSerializer[Review]):
    class Meta:
        model = Review
        fields = [
            "draft_number", "submitted_by", "submitted_at", "note", "verdict", "decided_by", "decided_at", "answer"
        ]  # fmt: skip


class NoteSerializer(serializers.Serializer[Any]):
    note = serializers.CharField(max_length=500, default="", allow_blank=True, help_text="For the approver.")


class AnswerSerializer(serializers.Serializer[Any]):
    answer = serializers.CharField(max_length=500, default="", allow_blank=True, help_text="For the authors.")


class AuditSerializer(serializers.ModelSerializer[AuditEntry]):
    class Meta:
        model = AuditEntry
        fields = [
            "at", "actor", "identity", "door", "action", "kind", "key", "before", "after", "number", "reason"
        ]  # fmt: skip


def differences(found: Sequence[Difference]) -> list[dict[str, str]]:
    return [asdict(each) for each in found]


def meanwhile(by: str, changes: Sequence[Difference]) -> dict[str, Any]:
    """What a problem tells beside itself when a draft was changed meanwhile."""
    return {"changed_by": by, "changes": differences(changes)}
