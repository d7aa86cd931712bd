from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from tenants.models.retailers import Retailer


class Change(models.Model):
    """A change of live configuration: what workers must have noticed about a second later."""

    retailer = models.ForeignKey(Retailer, null=True, blank=True, on_delete=models.CASCADE, related_name="changes")
    what = models.CharField(max_length=200)
    at = models.DateTimeField(db_default=Now(), editable=False, db_index=True)

    def __str__(self) -> str:
        return self.what


class Sighting(models.Model):
    """A busy worker began a batch knowing of a change, `seconds` after it was made."""

    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="sightings")
    worker = models.CharField(max_length=100)
    seconds = models.FloatField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["change", "worker"], name="seen_once")]

    def __str__(self) -> str:
        return f"{self.worker} after {self.seconds:.2f} s"
