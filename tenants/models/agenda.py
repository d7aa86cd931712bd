from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
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
    is_transactional = models.BooleanField(default=False, db_default=False)  # goes first, and has workers kept for it
    claimed_until = models.DateTimeField(null=True, blank=True)
    claims = models.PositiveIntegerField(db_default=0)  # fences a settlement: only the latest claimant may settle
    failures = models.PositiveIntegerField(db_default=0)
    error = models.TextField(blank=True, db_default="")
    parked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["retailer", "kind", "object_id"], name="agenda_once")]
        indexes = [
            models.Index(fields=["due_at"], name="agenda_due"),
            # What is next in a lane, of either class: the one question of every claim.
            models.Index(
                fields=["retailer", "due_at", "id"],
                name="agenda_ordinary",
                condition=models.Q(is_transactional=False, parked_at=None),
            ),
            models.Index(
                fields=["retailer", "due_at", "id"],
                name="agenda_transactional",
                condition=models.Q(is_transactional=True, parked_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.retailer_id}/{self.kind}/{self.object_id}"


class Lane(models.Model):
    """A retailer's place in the queue: the worker seconds it has used over its weight, and what it holds right now.

    `ordinary` and `transactional` are the instants at which its claims in hand lapse.
    """

    retailer = models.OneToOneField(Retailer, primary_key=True, on_delete=models.CASCADE, related_name="lane")
    weight = models.FloatField(default=1.0, db_default=1.0)
    virtual_time = models.FloatField(db_default=0.0)
    started = models.FloatField(default=0.0, db_default=0.0)  # the virtual time at which its latest turn began
    turn_seconds = models.FloatField(null=True, blank=True)  # what a turn takes, lately; unknown before the first
    ordinary = ArrayField(models.DateTimeField(), default=list, db_default=[])
    transactional = ArrayField(models.DateTimeField(), default=list, db_default=[])

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(weight__gt=0), name="lane_weighs_something")]

    def __str__(self) -> str:
        return f"lane of {self.retailer_id}"


class Worker(models.Model):
    """A process that takes turns, and when it last said so: how many there are decides what one retailer may hold."""

    name = models.CharField(max_length=100, primary_key=True)
    seen_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.name
