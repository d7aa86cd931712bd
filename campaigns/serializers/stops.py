"""The emergency stop."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from tenants.models import Stop


class StopReasonSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=300, default="", allow_blank=True)


class StopSerializer(serializers.Serializer[Stop]):
    stopped = serializers.BooleanField(help_text="Without a stop this is false, and the only field.")
    whose = serializers.ChoiceField(["platform", "retailer"], required=False)
    reason = serializers.CharField(required=False)
    by = serializers.CharField(required=False)
    at = serializers.DateTimeField(required=False)


def stop(standing: Stop | None) -> dict[str, Any]:
    if standing is None:
        return {"stopped": False}
    return {
        "stopped": True,
        "whose": "retailer" if standing.retailer_id else "platform",
        "reason": standing.reason,
        "by": standing.by,
        "at": standing.at,
    }
