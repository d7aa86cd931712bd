from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class Product(models.Model):
    """An article of the retailer's catalog, for content and recommendations. Written in sets by campaigns.ingest."""

    class Availability(models.TextChoices):
        IN_STOCK = "in_stock", "In stock"
        OUT_OF_STOCK = "out_of_stock", "Out of stock"
        PREORDER = "preorder", "To order in advance"
        DISCONTINUED = "discontinued", "No longer sold"

    sku = models.CharField(max_length=100, unique=True)
    name = models.CharField(max_length=300)
    url = models.CharField(max_length=2000, blank=True, db_default="")
    image_url = models.CharField(max_length=2000, blank=True, db_default="")
    price = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True, db_default="")
    category = models.CharField(max_length=100, blank=True, db_default="")
    availability = models.CharField(
        max_length=12, choices=Availability.choices, default=Availability.IN_STOCK, db_default="in_stock"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [models.Index(fields=["category"], name="product_category")]

    def __str__(self) -> str:
        return self.name
