from __future__ import annotations

import json
from functools import lru_cache

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from campaigns.config.campaign import CampaignConfig
from campaigns.config.gate import parse_campaign

_EMPTY = models.Value({}, output_field=models.JSONField())
_EMPTY_LIST = models.Value([], output_field=models.JSONField())


@lru_cache(maxsize=256)
def _parsed(config: str) -> CampaignConfig:
    """Every batch asks for its version's, and a version never changes."""
    return parse_campaign(json.loads(config))


class Campaign(models.Model):
    """What a marketer edits: a draft configuration and, once published, immutable versions of it."""

    class State(models.TextChoices):
        DRAFT = "draft"
        IN_REVIEW = "in_review", "in review"
        APPROVED = "approved"
        SCHEDULED = "scheduled"
        RUNNING = "running"
        PAUSED = "paused"
        COMPLETED = "completed"
        CANCELLED = "cancelled"
        EXPIRED = "expired"

    key = models.SlugField(max_length=63, unique=True)
    name = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    draft = models.JSONField()
    draft_number = models.PositiveIntegerField(default=1)  # grows with every save: the optimistic lock
    authors = models.JSONField(
        default=list, db_default=_EMPTY_LIST, blank=True
    )  # identities of who wrote what is not published yet
    live = models.ForeignKey("CampaignVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    looked_at = models.DateTimeField(null=True, blank=True, editable=False)  # the latest occurrence the clock has seen
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.name


class CampaignVersion(models.Model):
    """A published configuration: `config` is what runs, `draft` what its author had written of it, and `provenance`
    says of each field which layer it came from. Never changes.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    config = models.JSONField()
    draft = models.JSONField(default=dict, db_default=_EMPTY)
    provenance = models.JSONField(default=dict, db_default=_EMPTY)
    content_hash = models.CharField(max_length=64)
    published_at = models.DateTimeField(db_default=Now(), editable=False)
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    by = models.CharField(max_length=200, blank=True, db_default="")  # whoever it was: a person, a key, a command
    reason = models.CharField(max_length=500, blank=True, db_default="")
    approved_by = models.CharField(max_length=200, blank=True, db_default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "number"], name="version_once")]

    def __str__(self) -> str:
        return f"{self.campaign.key} v{self.number}"

    def parsed(self) -> CampaignConfig:
        return _parsed(json.dumps(self.config))


class Review(models.Model):
    """A draft put before an approver. What is approved is its fingerprint: the resolved configuration and the
    content of its templates; any other needs a review of its own.
    """

    class Verdict(models.TextChoices):
        PENDING = "pending"
        APPROVED = "approved"
        REJECTED = "rejected", "sent back"
        WITHDRAWN = "withdrawn"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="reviews")
    draft_number = models.PositiveIntegerField()
    fingerprint = models.CharField(max_length=64)
    config = models.JSONField()
    authors = models.JSONField(default=list)  # identities that may not approve it
    submitted_by = models.CharField(max_length=200)
    submitted_at = models.DateTimeField(db_default=Now(), editable=False)
    note = models.CharField(max_length=500, blank=True, db_default="")
    verdict = models.CharField(max_length=10, choices=Verdict.choices, default=Verdict.PENDING)
    decided_by = models.CharField(max_length=200, blank=True, db_default="")
    decided_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(max_length=500, blank=True, db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign"], condition=models.Q(verdict="pending"), name="one_pending_review"
            )
        ]

    def __str__(self) -> str:
        return f"{self.campaign.key}, draft {self.draft_number}: {self.verdict}"


class RunQuerySet(models.QuerySet["Run"]):
    def open(self) -> RunQuerySet:
        return self.filter(state__in=[Run.State.PLANNED, Run.State.RUNNING, Run.State.PAUSED])


class Run(models.Model):
    """One execution of a published version. `occurrence` names what set it off, once."""

    class State(models.TextChoices):
        PLANNED = "planned"
        RUNNING = "running"
        PAUSED = "paused"
        COMPLETED = "completed"
        CANCELLED = "cancelled"
        FAILED = "failed"
        MISSED = "missed"

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="runs")
    version = models.ForeignKey(CampaignVersion, on_delete=models.PROTECT, related_name="runs")
    occurrence = models.CharField(max_length=100)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PLANNED)
    reason = models.CharField(max_length=500, blank=True, db_default="")
    as_of = models.DateTimeField()  # the instant that "within 30 days" counts back from
    launched_by = models.CharField(max_length=200, blank=True, db_default="")
    evaluated_at = models.DateTimeField(null=True, blank=True)
    guarded_from = models.DateTimeField(null=True, blank=True)  # delivery.guards looks at what went out from then on
    throttle = models.PositiveIntegerField(null=True, blank=True)  # messages a minute; none: as many as go
    generated = models.JSONField(default=dict, blank=True)  # step key -> the last member id turned into a message
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "occurrence"], name="occurrence_once")]

    def __str__(self) -> str:
        return f"{self.campaign.name}, run {self.pk}"
