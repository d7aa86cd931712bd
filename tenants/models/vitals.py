from __future__ import annotations

from django.db import models

from tenants.models.retailers import Retailer


class Vitals(models.Model):
    """How a retailer's sending does, for staff: written by delivery.vitals in one statement, read by tenants.fleet.

    `tried` are messages that came to an end at a provider or before it, `missed` those of them that no provider took.
    `recent` has the last six hours in slots of five minutes: [[seconds since 1970, tried, missed], ...].
    `receivers` has, of 30 days and by group of receiving domains, [delivered, complained].
    """

    retailer = models.OneToOneField(Retailer, primary_key=True, on_delete=models.CASCADE, related_name="vitals")
    as_of = models.DateTimeField()
    recent = models.JSONField(default=list)
    day_tried = models.BigIntegerField()
    day_missed = models.BigIntegerField()
    month_tried = models.BigIntegerField()
    month_missed = models.BigIntegerField()
    month_taken = models.BigIntegerField()
    month_bounced = models.BigIntegerField()
    receivers = models.JSONField(default=dict)
    running = models.IntegerField()
    paused = models.IntegerField()
    unknowns = models.BigIntegerField()
    last_sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "vitals"

    def __str__(self) -> str:
        return f"vitals of {self.retailer_id}"
