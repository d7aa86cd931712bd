"""Products: rows go to the domain as they came."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from campaigns.models import Product
from campaigns.serializers.customers import MOST_ROWS


class ProductSerializer(serializers.ModelSerializer[Product]):
    class Meta:
        model = Product
        fields = [
            "sku", "name", "url", "image_url", "price", "currency", "category", "availability", "created_at",
            "updated_at",
        ]  # fmt: skip


class ProductRows(serializers.Serializer[Any]):
    products = ProductSerializer(many=True, help_text=f"At most {MOST_ROWS}.")
