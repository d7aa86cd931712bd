"""Declared attributes."""

from __future__ import annotations

from rest_framework import serializers

from campaigns.models import AttributeDefinition


class AttributeSerializer(serializers.ModelSerializer[AttributeDefinition]):
    is_fast = serializers.SerializerMethodField(help_text="Whether rules read it from a column of its own.")
    misfits = serializers.IntegerField(
        read_only=True, help_text="Customers whose value, stored before the declaration, is of another type."
    )

    class Meta:
        model = AttributeDefinition
        fields = ["name", "type", "description", "is_fast", "ready_at", "misfits", "created_at"]
        read_only_fields = ["ready_at", "created_at"]
        extra_kwargs = {"name": {"validators": []}, "type": {"required": True}}  # judged by the declaration itself

    def get_is_fast(self, definition: AttributeDefinition) -> bool:
        return bool(definition.slot and definition.ready_at)
