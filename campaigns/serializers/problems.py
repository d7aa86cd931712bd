"""What is wrong, field by field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from campaigns.config.gate import Problem


class ProblemSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(allow_blank=True, help_text="Its path, such as steps.0.template.")
    message = serializers.CharField(help_text="What is wrong, and the cure.")
    code = serializers.CharField()


def problems(found: Sequence[Problem]) -> list[dict[str, str]]:
    return [{"field": p.field, "message": p.message, "code": p.code} for p in found]
