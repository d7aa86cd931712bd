from __future__ import annotations

from django.db import models

from campaigns.models.campaigns import Campaign, Run
from campaigns.models.customers import Customer, Event


class Arrival(models.Model):
    """A customer's event reached a campaign that it triggers. Written by ingest in the transaction of the event,
    taken up by one run, or missed.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="arrivals", db_index=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="arrivals")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="arrivals")
    due_at = models.DateTimeField()
    run = models.ForeignKey(Run, null=True, blank=True, on_delete=models.CASCADE, related_name="arrivals")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "event"], name="arrival_once")]
        indexes = [
            models.Index(fields=["campaign", "due_at"], condition=models.Q(run__isnull=True), name="arrival_waiting")
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} at {self.campaign_id}"
