from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class Channel(models.TextChoices):
    EMAIL = "email", "E-mail"
    SMS = "sms", "SMS"
    PUSH = "push", "Push"
    WEBHOOK = "webhook", "Webhook"


class Customer(models.Model):
    """A person known to this retailer. Written in sets by campaigns.ingest."""

    external_id = models.CharField(max_length=100, unique=True)
    email = models.CharField(max_length=254, blank=True, db_default="")  # lower case
    phone = models.CharField(max_length=16, blank=True, db_default="")  # E.164
    first_name = models.CharField(max_length=100, blank=True, db_default="")
    last_name = models.CharField(max_length=100, blank=True, db_default="")
    city = models.CharField(max_length=100, blank=True, db_default="")
    country = models.CharField(max_length=100, blank=True, db_default="")
    timezone = models.CharField(max_length=64, blank=True, db_default="")
    locale = models.CharField(max_length=35, blank=True, db_default="")
    consent_email = models.BooleanField(db_default=False)
    consent_sms = models.BooleanField(db_default=False)
    consent_push = models.BooleanField(db_default=False)
    attributes = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [models.Index(fields=["email"], name="customer_email")]

    def __str__(self) -> str:
        return " ".join(filter(None, [self.first_name, self.last_name])) or self.external_id


class Event(models.Model):
    """Something a customer did. Sent twice under one `event_id`, it happened once."""

    event_id = models.CharField(max_length=100, unique=True)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="events", db_index=False)
    name = models.CharField(max_length=64)
    occurred_at = models.DateTimeField()
    value = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True, db_default="")
    properties = models.JSONField(default=dict, blank=True)

    class Meta:
        indexes = [models.Index(fields=["customer", "name", "occurred_at"], name="event_of_customer")]

    def __str__(self) -> str:
        return f"{self.name} {self.event_id}"


class Suppression(models.Model):
    """An address that gets nothing more on a channel, whatever its customer's consent says."""

    class Reason(models.TextChoices):
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
        HARD_BOUNCE = "hard_bounce", "Hard bounce"
        COMPLAINT = "complaint", "Complaint"
        MANUAL = "manual", "Added by a person"

    channel = models.CharField(max_length=10, choices=Channel.choices, default=Channel.EMAIL)
    address = models.CharField(max_length=254)  # lower case
    reason = models.CharField(max_length=20, choices=Reason.choices, default=Reason.MANUAL)
    source = models.CharField(max_length=200, blank=True, db_default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "address"], name="suppressed_once")]

    def __str__(self) -> str:
        return f"{self.address} ({self.get_reason_display()})"
