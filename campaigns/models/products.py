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


class ProductPast(models.Model):
    """What an article was like until somebody changed it: so that a message can be shown as it was sent.

    Written by the statement that changes the article (campaigns.ingest.products), and kept as long as Popularity.
    """

    product = models.ForeignKey(
        Product, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    until = models.DateTimeField()
    name = models.CharField(max_length=300)
    url = models.CharField(max_length=2000, blank=True, db_default="")
    image_url = models.CharField(max_length=2000, blank=True, db_default="")
    price = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True, db_default="")
    category = models.CharField(max_length=100, blank=True, db_default="")
    availability = models.CharField(max_length=12, db_default="in_stock")

    class Meta:
        indexes = [
            models.Index(fields=["product", "until"], name="product_past"),
            models.Index(fields=["until"], name="product_past_until"),
        ]

    def __str__(self) -> str:
        return f"{self.name} until {self.until}"


class Popularity(models.Model):
    """How well an article sold in the thirty days before a day: to everybody, or to the people of one run.

    `place` counts from 1 among all, `place_in_category` among those of its category; only the first few are kept.
    Written once for a day by campaigns.recommendations, so that what a message showed can be told later.
    """

    day = models.DateField()
    run = models.BigIntegerField(default=0, db_default=0)  # 0: everybody
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="+")
    category = models.CharField(max_length=100, blank=True, db_default="")
    orders = models.IntegerField()
    place = models.IntegerField()
    place_in_category = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", "run", "product"], name="popular_once")]

    def __str__(self) -> str:
        return f"{self.product_id} on {self.day}: {self.orders}"


class PopularityCount(models.Model):
    """A day that was counted for everybody or for a run, also where that came to nothing: it is not counted again."""

    day = models.DateField()
    run = models.BigIntegerField(default=0, db_default=0)  # 0: everybody

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", "run"], name="popularity_counted_once")]

    def __str__(self) -> str:
        return f"{self.day} for {f'run {self.run}' if self.run else 'everybody'}"
