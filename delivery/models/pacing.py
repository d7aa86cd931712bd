"""How fast a run goes: the throttle that people set while it runs, and the waves it is released in."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from campaigns.models import Run


class Throttle(models.Model):
    """How far a throttled run is ahead of its time: shared by all workers, moved on by what each may hand over."""

    run = models.OneToOneField(Run, primary_key=True, on_delete=models.CASCADE, related_name="+")
    full_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"throttle of run {self.run_id}"


class Wave(models.Model):
    """A slice of a step's members, released together. `weights` are the variants' shares, written as it opens."""

    class State(models.TextChoices):
        PLANNED = "planned"
        OPEN = "open"
        RELEASED = "released"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="waves")
    step = models.CharField(max_length=63)
    number = models.PositiveSmallIntegerField()  # from 1
    opens_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True, blank=True)
    size = models.PositiveIntegerField(default=0, db_default=0)  # messages made of it so far
    weights = models.JSONField(null=True, blank=True)  # variant -> share; they add up to 1
    state = models.CharField(max_length=8, choices=State.choices, default=State.PLANNED, db_default="planned")
    generated = models.BigIntegerField(default=0, db_default=0)  # the last member id turned into a message

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "step", "number"], name="wave_once")]

    def __str__(self) -> str:
        return f"wave {self.number} of run {self.run_id}"
