"""What is wrong, field by field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from rest_framework import serializers

from campaigns.config.check_names import CheckName, Severity
from campaigns.config.gate import Problem


class ProblemSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(allow_blank=True, help_text="Its path, such as steps.0.template.")
    message = serializers.CharField(help_text="What is wrong, and the cure.")
    code = serializers.CharField()


class TemplateFindingSerializer(serializers.Serializer[Any]):
    """Of campaigns.inspection.as_data."""

    rule = serializers.ChoiceField(get_args(CheckName))
    severity = serializers.ChoiceField(get_args(Severity), help_text="An error keeps it from being published.")
    message = serializers.CharField()
    cure = serializers.CharField()
    field = serializers.CharField(help_text="What to change.")
    part = serializers.CharField(help_text="Of the message: subject, preheader, html, text or content.<name>.")
    line = serializers.IntegerField(allow_null=True, help_text="In the part as it is published, from 1.")
    column = serializers.IntegerField(allow_null=True)


class FindingSerializer(TemplateFindingSerializer):
    """What a check before launch found in a campaign's messages."""

    step = serializers.CharField()
    variants = serializers.ListField(child=serializers.CharField())
    template = serializers.CharField()


def problems(found: Sequence[Problem]) -> list[dict[str, str]]:
    return [{"field": p.field, "message": p.message, "code": p.code} for p in found]
