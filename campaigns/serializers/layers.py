"""What lies below a campaign: policy, defaults, blueprints."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from campaigns.serializers.campaigns import BoundSerializer
from campaigns.serializers.history import DifferenceSerializer


class PolicySerializer(serializers.Serializer[Any]):
    effective = serializers.DictField(help_text="What bounds every campaign; what is left out is not bounded.")
    sources = serializers.DictField(child=BoundSerializer(many=True), help_text="By bound: who says what.")
    own = serializers.DictField(help_text="What the retailer itself says.")
    number = serializers.IntegerField(help_text="Of the retailer's own saying: grows with each change.")


class DefaultsSerializer(serializers.Serializer[Any]):
    effective = serializers.DictField(help_text="What fills in the fields that a campaign leaves out.")
    sources = serializers.DictField(child=serializers.CharField(), help_text="By field: who says it.")
    own = serializers.DictField(help_text="What the retailer itself says.")
    number = serializers.IntegerField(help_text="Of the retailer's own saying: grows with each change.")


class BlueprintSummary(serializers.Serializer[Any]):
    key = serializers.CharField()
    version = serializers.IntegerField()
    name = serializers.CharField()
    description = serializers.CharField()
    improvement = serializers.CharField(help_text="Over the version before.")


class SeedSerializer(serializers.Serializer[Any]):
    """A segment or template that a retailer gets where it has none of that key."""

    key = serializers.CharField()
    name = serializers.CharField()


class BlueprintSerializer(BlueprintSummary):
    campaign = serializers.DictField(help_text="What it says of a campaign's configuration.")
    segments = SeedSerializer(many=True, help_text="Made where the retailer has none of that key.")
    templates = SeedSerializer(many=True, help_text="Made where the retailer has none of that key.")


class BlueprintsSerializer(serializers.Serializer[Any]):
    results = BlueprintSummary(many=True)


class InstantiateSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(max_length=63, required=False, help_text="The campaign's; the blueprint's if left out.")
    name = serializers.CharField(max_length=200, required=False)


class OfferSerializer(serializers.Serializer[Any]):
    blueprint = serializers.CharField(source="blueprint.key")
    current = serializers.IntegerField(help_text="The version that the campaign is pinned to.")
    newest = serializers.IntegerField()
    improvements = serializers.ListField(child=serializers.CharField())
    differences = DifferenceSerializer(many=True, help_text="What accepting it would change of the campaign.")
