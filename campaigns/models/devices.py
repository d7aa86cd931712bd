from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from campaigns.models.customers import Customer


class Device(models.Model):
    """Where a customer's notifications go: an FCM registration token, or a Web Push subscription as JSON.

    An address is one customer's: whoever registered it last. Of several devices the one last seen gets the message.
    """

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="devices", db_index=False)
    address = models.TextField()
    address_hash = models.BinaryField(max_length=32)  # SHA-256, as suppressions have it
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["address_hash"], name="device_once")]
        indexes = [models.Index(fields=["customer", "-seen_at"], name="device_of_customer")]

    def __str__(self) -> str:
        return f"device {self.pk} of {self.customer_id}"
