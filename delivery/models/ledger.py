"""The ledger: batches are the unit of lease, messages the unit of truth, outcomes the evidence."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from campaigns.models import CampaignVersion, Customer, Member, Run
from campaigns.models.customers import Channel


class Batch(models.Model):
    """Up to 500 messages leased and handed over together.

    `epoch` grows with every claim and fences what a former claimant may still write. Positions in
    [`handed_from`, `handed_to`), but for `handed_except`, are at the provider `handed_by` without an answer so far:
    whoever takes the batch over from a dead worker must treat exactly those messages as unknown.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        CLAIMED = "claimed"
        DONE = "done"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="batches")
    step = models.CharField(max_length=63)
    number = models.PositiveIntegerField()
    wave = models.PositiveSmallIntegerField(default=0, db_default=0)  # from 1; 0: released at once
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED, db_default="queued")
    due_at = models.DateTimeField()
    epoch = models.PositiveIntegerField(default=0, db_default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    handed_from = models.PositiveSmallIntegerField(default=0, db_default=0)
    handed_to = models.PositiveSmallIntegerField(default=0, db_default=0)
    handed_except = ArrayField(models.PositiveSmallIntegerField(), default=list, db_default=[])
    handed_by = models.CharField(max_length=40, default="", db_default="")
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)  # hand-overs that reached no provider
    error = models.CharField(max_length=500, blank=True, default="", db_default="")
    unreachable_since = models.DateTimeField(null=True, blank=True)  # nothing of it could be handed over from then on

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "step", "number"], name="batch_once")]
        verbose_name_plural = "batches"

    def __str__(self) -> str:
        return f"batch {self.pk}"


class Message(models.Model):
    """One member x step x channel: exactly one state. Inserted by stage 3, moved by stage 4.

    A queued message of a batch under lease reads as *claimed*. Foreign keys are not enforced: rows come from one
    INSERT ... SELECT over the tables they point at, and the ledger outlives an erased customer.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        CLAIMED = "claimed"
        ACCEPTED = "accepted"
        DELIVERED = "delivered"
        BOUNCED = "bounced"
        REJECTED = "rejected"
        FAILED = "failed"
        EXPIRED = "expired"
        CANCELLED = "cancelled"
        HELD = "held"
        UNKNOWN = "unknown"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="messages", db_constraint=False)
    batch = models.ForeignKey(
        Batch, on_delete=models.CASCADE, related_name="messages", db_constraint=False, db_index=False
    )
    member = models.ForeignKey(
        Member, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    customer = models.ForeignKey(
        Customer, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=True
    )
    step = models.CharField(max_length=63)
    channel = models.CharField(max_length=10, choices=Channel.choices)
    variant = models.CharField(max_length=63)
    position = models.PositiveSmallIntegerField()
    send_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=9, choices=State.choices, db_default="queued")
    reason = models.CharField(max_length=300, db_default="")
    attempts = models.PositiveSmallIntegerField(db_default=0)
    version = models.ForeignKey(  # the configuration it was rendered from
        CampaignVersion,
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    template_hash = models.CharField(max_length=64, db_default="")
    provider = models.CharField(max_length=40, db_default="")
    provider_message_id = models.CharField(max_length=200, db_default="")
    settled_at = models.DateTimeField(null=True, blank=True)
    # Put off by the provider: not tried again before. Unknown: looked into then; empty where it is left to a person.
    retry_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["member", "step"], name="message_once")]
        # None names the state, nor anything else that stage 4 writes: a message is moved without touching an index.
        indexes = [models.Index(fields=["batch", "position"], name="message_of_batch")]

    def __str__(self) -> str:
        return f"message {self.pk}"


class OutcomeRecord(models.Model):
    """What a provider answered to one attempt, or what was decided where it did not. Appended, never changed.

    `result` is one of delivery.channels.base.Result, or of delivery.unknowns.Word.
    """

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="outcomes", db_constraint=False)
    epoch = models.PositiveIntegerField()
    result = models.CharField(max_length=9)
    detail = models.CharField(max_length=300, db_default="")
    provider = models.CharField(max_length=40, db_default="")
    provider_message_id = models.CharField(max_length=200, db_default="")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(  # for providers that tell of a message by their own name for it; SMTP gives none
                fields=["provider_message_id"],
                condition=models.Q(provider_message_id__gt=""),
                name="outcome_named",
            ),
            models.Index(fields=["message"], name="outcome_unknown", condition=Q(result="unknown")),
        ]

    def __str__(self) -> str:
        return f"{self.result} ({self.message_id})"


class DailyVolume(models.Model):
    """How many messages were handed over on a day of the retailer's calendar, for a policy that bounds it."""

    day = models.DateField(primary_key=True)
    handed = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.handed} on {self.day}"


class Preflight(models.Model):
    """What a campaign's run would have come to when somebody asked; the runs that follow are held against it."""

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, related_name="preflights")
    config_hash = models.CharField(max_length=64)  # of the resolved configuration that was looked at
    as_of = models.DateTimeField()
    result = models.JSONField()  # delivery.preflight says its shape
    by = models.CharField(max_length=200, blank=True, db_default="")
    made_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [models.Index(fields=["campaign", "made_at"], name="preflight_of_campaign")]

    def __str__(self) -> str:
        return f"pre-flight of {self.campaign_id}"


class Reconciliation(models.Model):
    """A run's audience held against the pre-flight before it, worked out when the audience was chosen."""

    run = models.OneToOneField(Run, primary_key=True, on_delete=models.CASCADE, related_name="reconciliation")
    preflight = models.ForeignKey(Preflight, on_delete=models.CASCADE, related_name="+", db_index=False)
    result = models.JSONField()  # delivery.reconciliation says its shape

    def __str__(self) -> str:
        return f"run {self.run_id} against pre-flight {self.preflight_id}"
