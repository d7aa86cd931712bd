"""Seed lists."""

from __future__ import annotations

from rest_framework import serializers

from campaigns import seedlists
from campaigns.models import SeedList


class SeedListSerializer(serializers.ModelSerializer[SeedList]):
    addresses = serializers.ListField(
        child=serializers.CharField(max_length=254), min_length=1, max_length=seedlists.MOST
    )

    class Meta:
        model = SeedList
        fields = ["key", "name", "addresses", "created_at", "updated_at"]
