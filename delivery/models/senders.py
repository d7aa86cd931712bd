"""Domains that mail is sent from: what their DNS says, and how far each has come with its warm-up."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from campaigns.models import Run


class SenderDomain(models.Model):
    """A domain of From addresses. Its warm-up is moved by delivery.warmup.acts, its check by delivery.senders.

    A ramp grows from `start` messages a day to `peak` over `days` days, and then has no bound. `picked_at` is when a
    day's people were last chosen (delivery.warmup.picking).
    """

    class WarmUp(models.TextChoices):
        NONE = "none", "None"
        WARMING = "warming", "Warming up"
        HELD = "held", "Held"
        SKIPPED = "skipped", "Skipped"
        FINISHED = "finished", "Finished"

    domain = models.CharField(max_length=253, unique=True)
    selectors = ArrayField(models.CharField(max_length=63), default=list, db_default=[], blank=True)  # of DKIM
    findings = models.JSONField(default=dict, db_default={}, blank=True)  # delivery.senders says its shape
    checked_at = models.DateTimeField(null=True, blank=True)
    warm_up = models.CharField(max_length=8, choices=WarmUp.choices, default=WarmUp.NONE, db_default="none")
    start = models.PositiveIntegerField(default=0, db_default=0)
    peak = models.PositiveIntegerField(default=0, db_default=0)
    days = models.PositiveSmallIntegerField(default=0, db_default=0)
    began_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=300, default="", db_default="", blank=True)  # of the last change by a person
    picked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [
            models.Index(
                fields=["domain"], condition=models.Q(warm_up__in=["warming", "held"]), name="sender_domain_warming"
            )
        ]

    def __str__(self) -> str:
        return self.domain

    @property
    def is_warming(self) -> bool:
        """Whether a day has a bound."""
        return self.warm_up in (self.WarmUp.WARMING, self.WarmUp.HELD)


class Receivers(models.TextChoices):
    """Who receives, as far as reputation goes: each judges a sender for itself."""

    GMAIL = "gmail", "Gmail"
    MICROSOFT = "microsoft", "Microsoft"
    YAHOO = "yahoo", "Yahoo"
    OTHER = "other", "Other"


class WarmUpShare(models.Model):
    """How far a warm-up has come with one group of receivers: its share of a day, and its step on the ramp."""

    class Standing(models.TextChoices):
        GROWING = "growing", "Growing"
        SLOWED = "slowed", "Slowed"
        HELD = "held", "Held"
        REVERSED = "reversed", "Reversed"

    sender = models.ForeignKey(SenderDomain, on_delete=models.CASCADE, related_name="shares", db_index=False)
    receivers = models.CharField(max_length=9, choices=Receivers.choices)
    share = models.FloatField()  # of a day's budget: as their share of the people who may be written to
    step = models.FloatField(default=0.0, db_default=0.0)  # days of growth
    standing = models.CharField(max_length=8, choices=Standing.choices, default="growing", db_default="growing")
    reason = models.CharField(max_length=300, default="", db_default="", blank=True)
    day = models.DateField()  # of the retailer's calendar: the one that `step` is for
    judged_from = models.DateTimeField()  # what came before it has been judged already

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sender", "receivers"], name="warm_up_share_once")]

    def __str__(self) -> str:
        return f"{self.receivers} of {self.sender_id}"


class WarmUpStep(models.Model):
    """A run's step that goes out from a domain under warm-up: whose messages a day's people are chosen from."""

    sender = models.ForeignKey(SenderDomain, on_delete=models.CASCADE, related_name="steps", db_index=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    step = models.CharField(max_length=63)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sender", "run", "step"], name="warm_up_step_once")]

    def __str__(self) -> str:
        return f"{self.step} of run {self.run_id}"


class WarmUpPick(models.Model):
    """A message that may go on a day. It has used up its place, unless it ends without having been handed over."""

    sender = models.ForeignKey(SenderDomain, on_delete=models.CASCADE, related_name="picks", db_index=False)
    message_id = models.BigIntegerField()
    receivers = models.CharField(max_length=9, choices=Receivers.choices)
    day = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message_id", "day"], name="warm_up_pick_once")]
        indexes = [models.Index(fields=["sender", "day"], name="warm_up_pick_of_day")]

    def __str__(self) -> str:
        return f"message {self.message_id} on {self.day}"
