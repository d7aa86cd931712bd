from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class PlatformSuppression(models.Model):
    """An address that no retailer may write to. Only its SHA-256 is known here: it names nobody."""

    class Reason(models.TextChoices):
        HARD_BOUNCE = "hard_bounce", "Hard bounce"
        COMPLAINT = "complaint", "Complaint"
        LEGAL = "legal", "Legal demand"

    channel = models.CharField(max_length=10, choices=[("email", "E-mail"), ("sms", "SMS"), ("push", "Push")])
    address_hash = models.BinaryField(max_length=32)
    reason = models.CharField(max_length=20, choices=Reason.choices, default=Reason.LEGAL)
    source = models.CharField(max_length=200, blank=True, db_default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "address_hash"], name="platform_suppressed_once")]

    def __str__(self) -> str:
        return f"{self.channel} {bytes(self.address_hash).hex()[:12]} ({self.get_reason_display()})"
