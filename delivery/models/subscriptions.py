"""Outgoing webhooks: who wants to hear of what, and what is on its way to them."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now


class Subscription(models.Model):
    """An integrator's address and what it is told of. Written by delivery.subscriptions.

    `secret` is sealed; `resting_until`: the address failed as a whole, and is left alone until then.
    """

    key = models.SlugField(max_length=40)
    url = models.CharField(max_length=2000)
    events = ArrayField(models.CharField(max_length=40))
    secret = models.TextField(editable=False)
    is_active = models.BooleanField(default=True, db_default=True)
    error = models.CharField(max_length=300, blank=True, default="", db_default="")
    failures = models.PositiveIntegerField(default=0, db_default=0)  # in a row
    resting_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key"], name="subscription_once")]

    def __str__(self) -> str:
        return self.key


class Notice(models.Model):
    """One thing that a subscription is told. `notice_id` is the `webhook-id`, the same over all tries and replays."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DELIVERED = "delivered"
        FAILED = "failed"  # given up after 72 hours, or refused for good

    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="notices", db_index=False)
    notice_id = models.UUIDField()
    event = models.CharField(max_length=40)
    body = models.TextField()
    state = models.CharField(max_length=9, choices=State.choices, db_default="waiting")
    created_at = models.DateTimeField(db_default=Now())
    waiting_since = models.DateTimeField(db_default=Now())  # later than it was made, where it was sent once more
    due_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveSmallIntegerField(db_default=0)
    status = models.PositiveSmallIntegerField(null=True, blank=True)  # of the last answer
    error = models.CharField(max_length=300, blank=True, db_default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subscription", "notice_id"], name="notice_once")]
        indexes = [
            models.Index(fields=["subscription", "due_at"], condition=models.Q(state="waiting"), name="notice_waiting")
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.notice_id}"
