from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from campaigns.models.campaigns import Run
from campaigns.models.customers import Customer


class Segment(models.Model):
    """A named audience rule (campaigns.config.rules), always evaluated fresh."""

    key = models.SlugField(max_length=63, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, db_default="")
    rule = models.JSONField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.name


class Member(models.Model):
    """One person's place in a run, written once by campaigns.audience: included, or excluded with a reason.

    `draw` is in [0, 1), stable per campaign and person; it later picks the variant. No foreign keys are enforced:
    rows come only from one INSERT ... SELECT over the tables they point at, and outlive an erased customer.
    """

    class Reason(models.TextChoices):
        EXCLUDED_BY_RULE = "excluded_by_rule", "Matches the exclusion rule"
        SUPPRESSED = "suppressed", "Suppressed: unsubscribed, bounced or complained"
        NO_CONSENT = "no_consent", "No consent for the channel"
        NO_ADDRESS = "no_address", "No address on the channel"
        DUPLICATE_ADDRESS = "duplicate_address", "Address shared with an included person"
        UNIVERSAL_HOLDOUT = "universal_holdout", "Held out of every campaign, to measure them all"
        HOLDOUT = "holdout", "Held out to measure lift"
        CAPPED = "capped", "Had as many messages lately as the limits allow"
        TOO_SOON = "too_soon", "Triggered again too soon after the last time"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="members", db_constraint=False, db_index=False)
    customer = models.ForeignKey(
        Customer, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    is_included = models.BooleanField()
    reason = models.CharField(max_length=20, choices=Reason.choices, blank=True, db_default="")
    draw = models.FloatField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "customer"], name="member_once")]

    def __str__(self) -> str:
        return f"{self.customer_id} in run {self.run_id}"
