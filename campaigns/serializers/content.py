"""Segments and templates."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from rest_framework import serializers

from campaigns import liquid
from campaigns.audience import Waterfall
from campaigns.config.rules import Rule
from campaigns.models import Customer, Segment, Template, TemplateVersion


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


class SampledCustomerSerializer(serializers.ModelSerializer[Customer]):
    class Meta:
        model = Customer
        fields = ["external_id", "email", "first_name", "last_name", "city", "country"]


class RulePreviewSerializer(serializers.Serializer[Any]):
    """Of campaigns.reach.Reach."""

    count = serializers.IntegerField(source="matched")
    waterfall = WaterfallSerializer(source="channels.email", help_text="Whom an e-mail would reach.")
    channels = serializers.DictField(child=WaterfallSerializer(), help_text="Whom each channel would reach.")
    sample = SampledCustomerSerializer(source="examples", many=True)


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


class ForeignTemplateSerializer(serializers.Serializer[Any]):
    source = serializers.CharField(max_length=liquid.MAX_SOURCE, trim_whitespace=False)  # type: ignore[assignment]

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """`from` is no name in Python."""
        known = "All dialects are understood at once: it need not be said."
        return super().get_fields() | {
            "from": serializers.ChoiceField(liquid.DIALECTS, default="auto", help_text=known)
        }


class UnconvertedSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    message = serializers.CharField()


class ConvertedTemplateSerializer(serializers.Serializer[Any]):
    source = serializers.CharField()  # type: ignore[assignment]
    problems = UnconvertedSerializer(many=True)


class RollbackSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
