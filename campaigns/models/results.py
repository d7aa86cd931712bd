"""What became of runs, counted once and read often. Written by delivery.tallies, read by reports and the optimiser."""

from __future__ import annotations

from django.db import models

from campaigns.models.campaigns import Run


class Result(models.Model):
    """How a run stands: when that was counted, and those reached beside those held out (campaigns.lift.Arm)."""

    run = models.OneToOneField(Run, primary_key=True, on_delete=models.CASCADE, related_name="result")
    as_of = models.DateTimeField()
    seconds = models.FloatField()  # that the counting took
    counts_until = models.DateTimeField(null=True, blank=True)  # goal events from then on are nobody's
    arms = models.JSONField(null=True, blank=True)  # {"reached": {...}, "held_out": {...}}; none without a goal

    def __str__(self) -> str:
        return f"result of run {self.run_id}"


class Tally(models.Model):
    """Messages of a run that are alike: `messages` of them, and of how many it is true that a person opened, and so on.

    `opened_by_machine` are those which no person opened, but some machine did. A message counts once in each column,
    so that sums over any rows are right. `hour` is when it went out, in UTC. `revenue` is what the last message before
    a goal event brought.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="tallies", db_index=False)
    step = models.CharField(max_length=63)
    wave = models.PositiveSmallIntegerField(db_default=0)  # 0: released at once
    variant = models.CharField(max_length=63)
    channel = models.CharField(max_length=10)
    provider = models.CharField(max_length=40)
    domain = models.CharField(max_length=253)  # of the receiver, where many share it
    hour = models.DateTimeField()
    state = models.CharField(max_length=9)
    messages = models.IntegerField()
    opened = models.IntegerField()
    opened_by_machine = models.IntegerField()
    clicked = models.IntegerField()
    clicked_by_machine = models.IntegerField()
    unsubscribed = models.IntegerField()
    complained = models.IntegerField()
    converted = models.IntegerField()
    revenue = models.DecimalField(max_digits=18, decimal_places=4)

    class Meta:
        indexes = [models.Index(fields=["run"], name="tally_of_run")]
        verbose_name_plural = "tallies"

    def __str__(self) -> str:
        return f"{self.messages} of run {self.run_id}"


class LinkTally(models.Model):
    """Clicks on one link: how many, of how many messages, by people; and those of machines."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="link_tallies", db_index=False)
    step = models.CharField(max_length=63)
    variant = models.CharField(max_length=63)
    template_hash = models.CharField(max_length=64)
    link = models.PositiveSmallIntegerField()
    clicks = models.IntegerField()
    messages = models.IntegerField()
    clicks_by_machine = models.IntegerField()

    class Meta:
        indexes = [models.Index(fields=["run"], name="link_tally_of_run")]
        verbose_name_plural = "link tallies"

    def __str__(self) -> str:
        return f"link {self.link} of run {self.run_id}"
