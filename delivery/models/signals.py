"""What comes back: a signal for each thing that happened, what providers posted, and the links that lead back."""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now

from campaigns.models import Run
from delivery.models.ledger import Message


class Signal(models.Model):
    """One thing that came back of one message. Appended by delivery.signals, in sets; it happened once.

    `event_id` is 128 bits of who told and of what that one calls the event (delivery.signals.event_id): the same event
    of the same source is the same row, however often it is told. Whose network a hit came from is kept cut short.
    Foreign keys are not enforced: one statement inserts a set and looks the messages up.
    """

    class Kind(models.TextChoices):
        DELIVERED = "delivered"
        BOUNCE = "bounce"
        COMPLAINT = "complaint"
        OPEN = "open"
        CLICK = "click"
        UNSUBSCRIBE = "unsubscribe"
        CONVERSION = "conversion"
        UNKNOWN = "unknown"

    # Wide and fixed columns first: no padding between them.
    message = models.ForeignKey(
        Message, on_delete=models.CASCADE, related_name="signals", db_constraint=False, db_index=False
    )
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="signals", db_constraint=False, db_index=False)
    at = models.DateTimeField()  # by the clock of whoever told
    received_at = models.DateTimeField(db_default=Now())
    event_id = models.UUIDField()
    link = models.PositiveSmallIntegerField(null=True)  # campaigns.publishing.links: counted from 1
    human = models.PositiveSmallIntegerField(null=True)  # per cent; empty: not judged yet
    is_hard = models.BooleanField(db_default=False)  # of a bounce: the address will never work
    kind = models.CharField(max_length=11, choices=Kind.choices)
    source = models.CharField(max_length=40)  # `link`, or the provider's key
    network = models.CharField(max_length=43, db_default="")  # 203.0.113.0/24
    user_agent = models.CharField(max_length=200, db_default="")
    detail = models.CharField(max_length=300, db_default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event_id"], name="signal_once")]
        indexes = [
            models.Index(fields=["message"], name="signal_of_message"),
            models.Index(fields=["run", "kind", "at"], name="signal_of_run"),
            BrinIndex(fields=["received_at"], name="signal_received"),  # appended in that order
            models.Index(  # opens and clicks that wait for delivery.judgement
                fields=["received_at"],
                condition=models.Q(human__isnull=True, kind__in=["open", "click"]),
                name="signal_unjudged",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of message {self.message_id}"


class Link(models.Model):
    """A link of a published template as it stands in messages. Written once by delivery.tracking, never changed.

    `url` is where a click on it leads; of one with template tags in it, what it is made from: such a link in a message
    carries its own address, signed. `digest` is of all the rest.
    """

    digest = models.UUIDField()
    template_hash = models.CharField(max_length=64)
    variant = models.CharField(max_length=63)
    number = models.PositiveSmallIntegerField()  # campaigns.publishing.links: counted from 1
    url = models.TextField()
    label = models.CharField(max_length=100, db_default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["digest"], name="link_once")]
        indexes = [models.Index(fields=["template_hash", "number"], name="link_of_template")]

    def __str__(self) -> str:
        return self.url


class RawSignal(models.Model):
    """A provider's post as it came, stored before anything else. `delivery.models.Signal` is what is made of it."""

    class State(models.TextChoices):
        NEW = "new"
        FOLDED = "folded"
        REFUSED = "refused"

    provider = models.CharField(max_length=40)  # its key
    state = models.CharField(max_length=7, choices=State.choices, db_default="new")
    received_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now())  # later, where its message is still being handed over
    url = models.CharField(max_length=2000, db_default="")  # that it was posted to: some signatures cover it
    headers = models.JSONField(default=dict)  # names in lower case
    body = models.BinaryField()
    error = models.CharField(max_length=300, db_default="")

    class Meta:
        indexes = [models.Index(fields=["id"], condition=models.Q(state="new"), name="raw_signal_new")]

    def __str__(self) -> str:
        return f"{self.provider} {self.pk}"
