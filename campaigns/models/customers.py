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

    external_id = models.CharField(max_length=100)
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
        indexes = [
            models.Index(fields=["email"], name="customer_email", opclasses=["varchar_pattern_ops"]),
            models.Index(
                fields=["phone"],
                condition=~models.Q(phone=""),
                name="customer_phone",
                opclasses=["varchar_pattern_ops"],
            ),
            models.Index(fields=["first_name"], name="customer_first_name", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["last_name"], name="customer_last_name", opclasses=["varchar_pattern_ops"]),
        ]
        # With the id in it, who an event is of is known without a look at the wide row.
        constraints = [models.UniqueConstraint(fields=["external_id"], include=["id"], name="customer_once")]

    def __str__(self) -> str:
        return " ".join(filter(None, [self.first_name, self.last_name])) or self.external_id


class CustomerPast(models.Model):
    """What was known of a customer until it changed: so that a message can be shown as it was sent.

    Written by the statement that changes the customer (campaigns.ingest.customer_sql), for those alone who were written
    to with what it changes. campaigns.past reads it, and says how long it is kept.
    """

    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    until = models.DateTimeField()
    known = models.JSONField()  # what messages say of a customer: campaigns.language.CUSTOMER_FIELDS and attributes

    class Meta:
        indexes = [
            models.Index(fields=["customer", "until"], name="customer_past"),
            models.Index(fields=["until"], name="customer_past_until"),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} until {self.until}"


class Event(models.Model):
    """Something a customer did. Sent twice under one `event_id`, it happened once.

    No foreign key is enforced: one statement writes them all and looks their customer up, and erasure waits for it.
    """

    event_id = models.CharField(max_length=100)
    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="events", db_index=False, db_constraint=False
    )
    name = models.CharField(max_length=64)
    occurred_at = models.DateTimeField()
    value = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True, db_default="")
    properties = models.JSONField(default=dict, blank=True)
    category = models.CharField(max_length=100, blank=True, db_default="")  # the first 100 characters of the property

    class Meta:
        indexes = [
            # The customer alone: one entry for all events of a page's people, a fifth the size of one for each event,
            # which is what random writes to it cost.
            models.Index(fields=["customer"], name="event_of_customer"),
            models.Index(
                fields=["name", "category", "occurred_at"], include=["customer", "value"], name="event_of_category"
            ),
        ]
        constraints = [models.UniqueConstraint(fields=["event_id"], name="event_once")]

    def __str__(self) -> str:
        return f"{self.name} {self.event_id}"


class Consent(models.Model):
    """What a customer said about messages of a channel, and the proof of it. Appended, never changed.

    An empty topic speaks for the channel as a whole; Customer.consent_* and Facts.consent_* follow the latest of those.
    A topic narrows that further: it may be withdrawn while the channel stays granted, and never the other way round.
    """

    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="consents", db_index=False, db_constraint=False
    )
    channel = models.CharField(max_length=10, choices=Channel.choices)
    topic = models.CharField(max_length=63, blank=True, db_default="")
    is_granted = models.BooleanField()
    said_at = models.DateTimeField()
    source = models.CharField(max_length=200, blank=True, db_default="")  # where it was said: a page, a till, a file
    text = models.TextField(blank=True, db_default="")  # what the person was shown
    by = models.CharField(max_length=200, blank=True, db_default="")  # who recorded it
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    is_current = models.BooleanField(db_default=True)  # the latest of its customer, channel and topic

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "channel", "topic"], condition=models.Q(is_current=True), name="consent_current"
            )
        ]
        indexes = [
            models.Index(fields=["customer", "recorded_at"], name="consent_of_customer"),
            models.Index(
                fields=["channel", "topic", "customer"],
                condition=models.Q(is_current=True, is_granted=False) & ~models.Q(topic=""),
                name="topic_withdrawn",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.topic}: {'yes' if self.is_granted else 'no'}"


class Suppression(models.Model):
    """An address that gets nothing more on a channel, whatever its customer's consent says.

    Found by its hash (campaigns.suppressions.hashed), so that it outlives the erasure of its address.
    """

    class Reason(models.TextChoices):
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
        HARD_BOUNCE = "hard_bounce", "Hard bounce"
        COMPLAINT = "complaint", "Complaint"
        LEGAL = "legal", "Legal demand"
        MANUAL = "manual", "Added by a person"

    channel = models.CharField(max_length=10, choices=Channel.choices, default=Channel.EMAIL)
    address = models.CharField(max_length=254, blank=True)  # lower case; blank once its owner was erased
    address_hash = models.BinaryField(max_length=32)  # SHA-256
    reason = models.CharField(max_length=20, choices=Reason.choices, default=Reason.MANUAL)
    source = models.CharField(max_length=200, blank=True, db_default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "address_hash"], name="suppressed_hash_once")]

    def __str__(self) -> str:
        return f"{self.address or 'an erased address'} ({self.get_reason_display()})"
