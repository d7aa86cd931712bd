"""What the API takes and tells of sender domains. Stands here for the schema; the modules behind say what holds."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

_ACTS = ("begin", "hold", "go-on")


class SenderSelectors(serializers.Serializer[Any]):
    selectors = serializers.ListField(child=serializers.CharField(max_length=63), max_length=10)


class WarmUpAct(serializers.Serializer[Any]):
    act = serializers.ChoiceField(_ACTS)
    start = serializers.IntegerField(required=False, help_text="Messages on the first day, 50 to 1,000.")
    days = serializers.IntegerField(required=False, help_text="28 to 42.")
    peak = serializers.IntegerField(required=False, help_text="Messages on the last day; left out: everybody.")
    reason = serializers.CharField(required=False, max_length=300)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        beside = [name for name in ("start", "days", "peak") if name in attrs and attrs["act"] != "begin"]
        if beside:
            raise serializers.ValidationError(
                dict.fromkeys(beside, "Only a warm-up that begins has this: leave it out.")
            )
        return attrs


class SenderSerializer(serializers.Serializer[Any]):
    domain = serializers.CharField()
    selectors = serializers.ListField(child=serializers.CharField())
    checked_at = serializers.DateTimeField(allow_null=True)
    dns = serializers.JSONField(allow_null=True, help_text="What DNS said: state, words, and findings with records.")
    warm_up = serializers.JSONField(help_text="Its state and ramp, and what each group of receivers has today.")


class SenderList(serializers.Serializer[Any]):
    results = SenderSerializer(many=True)
    next = serializers.URLField(allow_null=True)
