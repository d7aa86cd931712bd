from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from tenants.models.retailers import Retailer


class Stop(models.Model):
    """While this row stands nothing is started or handed over: for a retailer or, without one, for everybody."""

    retailer = models.ForeignKey(Retailer, null=True, blank=True, on_delete=models.CASCADE, related_name="stops")
    reason = models.CharField(max_length=300)
    by = models.CharField(max_length=200)
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["retailer"], name="stopped_once", nulls_distinct=False)]

    def __str__(self) -> str:
        return f"stop of {self.retailer or 'the platform'}"
