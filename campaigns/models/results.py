"""What became of runs, counted once and read often. Written by delivery.tallies, read by reports and the optimiser."""

from __future__ import annotations

from django.db import models

from campaigns.models.campaigns import Run
from campaigns.models.customers import Customer


class Result(models.Model):
    """How a run stands: when that was counted, and those reached beside those held out (campaigns.lift.Arm).

    Every number is at least as new as `as_of`. `amounts` says what the arms' amounts are: {"currency": the one that
    they are all in, "left_out": {currency: how many goal events in it are not among them}}; a `currency` of null means
    that they are in several, and so mean nothing.
    """

    run = models.OneToOneField(Run, primary_key=True, on_delete=models.CASCADE, related_name="result")
    as_of = models.DateTimeField()
    seconds = models.FloatField()  # that the counting took
    counts_until = models.DateTimeField(null=True, blank=True)  # goal events from then on are nobody's
    arms = models.JSONField(null=True, blank=True)  # {"reached": {...}, "held_out": {...}}; none without a goal
    amounts = models.JSONField(default=dict, db_default={}, blank=True)

    def __str__(self) -> str:
        return f"result of run {self.run_id}"


class Counting(models.Model):
    """How far the counting of a run has come, so that whoever goes on with it need not begin again.

    `part` is the next slice of its messages, `after` the last customer of its members who was compared; both are
    empty between two counts. `segments` are the keys of those that its people are told apart by, in the order of the
    bits of Placement; null until they were chosen, once for all counts.
    """

    run = models.OneToOneField(Run, primary_key=True, on_delete=models.CASCADE, related_name="counting")
    segments = models.JSONField(null=True, blank=True)
    begun_at = models.DateTimeField(null=True, blank=True)
    part = models.PositiveIntegerField(null=True, blank=True)
    after = models.BigIntegerField(null=True, blank=True)
    domains = models.JSONField(default=list, db_default=[], blank=True)  # that this count tells apart
    sums = models.JSONField(default=dict, db_default={}, blank=True)  # of the arms, so far
    seconds = models.FloatField(default=0, db_default=0)

    def __str__(self) -> str:
        return f"counting of run {self.run_id}"


class Placement(models.Model):
    """Which segments somebody was in when a run's first message to them was counted for the first time, as bits.

    Written once by campaigns.belonging. No foreign keys are enforced: rows come only from INSERT ... SELECT, and
    outlive an erased customer.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    customer = models.ForeignKey(
        Customer, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    segments = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "customer"], name="placed_once")]

    def __str__(self) -> str:
        return f"{self.customer_id} in run {self.run_id}"


class Counted(models.Model):
    """Messages of a run that are alike: `messages` of them, and of how many it is true that a person opened, and so on.

    `opened_by_machine` are those which no person opened, but some machine did. A message counts once in each column,
    so that sums over any rows are right. Amounts stand in rows of their own, one for each `currency`, in which nothing
    else is counted: `revenue` is what the last message before a goal event brought, of so many `amounts`, and is only
    ever added up within its currency (blank: it named none). `part` is the slice that was counted together.
    """

    part = models.PositiveIntegerField(db_default=0)
    state = models.CharField(max_length=9)
    currency = models.CharField(max_length=3, db_default="")
    messages = models.IntegerField()
    opened = models.IntegerField()
    opened_by_machine = models.IntegerField()
    clicked = models.IntegerField()
    clicked_by_machine = models.IntegerField()
    unsubscribed = models.IntegerField()
    complained = models.IntegerField()
    converted = models.IntegerField()
    amounts = models.IntegerField(db_default=0)
    revenue = models.DecimalField(max_digits=18, decimal_places=4)

    class Meta:
        abstract = True


class Tally(Counted):
    """Of what is alike in everything that is told apart but segments. `hour` is when it went out, in UTC."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="tallies", db_index=False)
    step = models.CharField(max_length=63)
    wave = models.PositiveSmallIntegerField(db_default=0)  # 0: released at once
    variant = models.CharField(max_length=63)
    channel = models.CharField(max_length=10)
    provider = models.CharField(max_length=40)
    domain = models.CharField(max_length=253)  # of the receiver, where many share it
    hour = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["run", "part"], name="tally_of_run"),
            models.Index(fields=["run"], name="tally_unknown", condition=models.Q(state="unknown")),  # first pages ask
        ]
        verbose_name_plural = "tallies"

    def __str__(self) -> str:
        return f"{self.messages} of run {self.run_id}"


class SegmentTally(Counted):
    """Of messages to people of one segment, by its key; blank: of those who are in none. Segments overlap."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="segment_tallies", db_index=False)
    segment = models.CharField(max_length=63)

    class Meta:
        indexes = [models.Index(fields=["run", "part"], name="segment_tally_of_run")]
        verbose_name_plural = "segment tallies"

    def __str__(self) -> str:
        return f"{self.messages} of run {self.run_id}"


class LinkTally(models.Model):
    """Clicks on one link: how many, of how many messages, by people; and those of machines."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="link_tallies", db_index=False)
    part = models.PositiveIntegerField(db_default=0)
    step = models.CharField(max_length=63)
    variant = models.CharField(max_length=63)
    template_hash = models.CharField(max_length=64)
    link = models.PositiveSmallIntegerField()
    clicks = models.IntegerField()
    messages = models.IntegerField()
    clicks_by_machine = models.IntegerField()

    class Meta:
        indexes = [models.Index(fields=["run", "part"], name="link_tally_of_run")]
        verbose_name_plural = "link tallies"

    def __str__(self) -> str:
        return f"link {self.link} of run {self.run_id}"
