from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from tenants.models.retailers import Retailer


class AgendaItem(models.Model):
    """Something is due for a retailer. Written in the transaction of the change it announces: the outbox.

    `kind` and `object_id` name a row in the retailer's schema (see delivery.pipeline for the kinds).
    """

    retailer = models.ForeignKey(Retailer, on_delete=models.CASCADE, related_name="agenda")
    kind = models.CharField(max_length=20)
    object_id = models.BigIntegerField()
    due_at = models.DateTimeField(db_default=Now())
    claimed_until = models.DateTimeField(null=True, blank=True)
    claims = models.PositiveIntegerField(db_default=0)  # fences a settlement: only the latest claimant may settle
    failures = models.PositiveIntegerField(db_default=0)
    error = models.TextField(blank=True, db_default="")
    parked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["retailer", "kind", "object_id"], name="agenda_once")]
        indexes = [models.Index(fields=["due_at"], name="agenda_due")]

    def __str__(self) -> str:
        return f"{self.retailer_id}/{self.kind}/{self.object_id}"


class Lane(models.Model):
    """A retailer's place in the round-robin: the worker seconds it has used, in virtual time."""

    retailer = models.OneToOneField(Retailer, primary_key=True, on_delete=models.CASCADE, related_name="lane")
    virtual_time = models.FloatField(db_default=0.0)

    def __str__(self) -> str:
        return f"lane of {self.retailer_id}"
