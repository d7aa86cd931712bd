"""Accounts at providers, how each fares, and what is left of its limits."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from campaigns.models.customers import Channel


class Provider(models.Model):
    """An account that delivers a channel. Written by delivery.providers.accounts.

    `settings` is what its kind's model says (delivery.channels.KINDS), `credentials` the same sealed. Of several for a
    channel, the lowest priority goes first and the others stand by. `revision` grows with every change: workers open
    the account anew.
    """

    key = models.CharField(max_length=40)
    channel = models.CharField(max_length=10, choices=Channel.choices)
    kind = models.CharField(max_length=20)
    settings = models.JSONField(default=dict, blank=True)
    credentials = models.TextField(blank=True, db_default="", editable=False)
    priority = models.PositiveSmallIntegerField(default=100, db_default=100)
    is_active = models.BooleanField(default=True, db_default=True)
    rate = models.FloatField(null=True, blank=True)  # messages per second
    max_per_day = models.PositiveIntegerField(null=True, blank=True)  # of the retailer's calendar
    per_domain = models.JSONField(default=dict, blank=True)  # receiving domain -> messages per minute
    timeout = models.FloatField(default=15.0, db_default=15.0)  # seconds for one request
    revision = models.PositiveIntegerField(default=1, db_default=1)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key"], name="provider_once")]

    def __str__(self) -> str:
        return self.key


class ProviderState(models.Model):
    """What all workers know of a provider. Written by delivery.breaker and delivery.allowance, by the database's clock.

    The breaker is closed while `opened_at` is empty; open until `retry_at`; then half-open: whoever gets to set
    `probe_until` tries with one message. `full_at` is when the provider's allowance would be used up at its rate
    (GCRA's theoretical arrival time); `used` counts the messages of `day`.
    """

    provider = models.OneToOneField(Provider, primary_key=True, on_delete=models.CASCADE, related_name="state")
    failures = models.PositiveIntegerField(db_default=0)  # hand-overs in a row that reached nobody
    tried = models.PositiveIntegerField(db_default=0)  # messages since `since`
    failed = models.PositiveIntegerField(db_default=0)
    since = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)
    openings = models.PositiveSmallIntegerField(db_default=0)  # in a row: each waits longer
    probe_until = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, db_default="")
    full_at = models.DateTimeField(null=True)
    day = models.DateField(null=True)
    used = models.PositiveIntegerField(db_default=0)

    def __str__(self) -> str:
        return f"state of {self.provider_id}"


class ProviderDomain(models.Model):
    """How far a provider's allowance for one receiving domain is used up."""

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="domains", db_index=False)
    domain = models.CharField(max_length=253)
    full_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "domain"], name="provider_domain_once")]

    def __str__(self) -> str:
        return self.domain
