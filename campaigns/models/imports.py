from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class Import(models.Model):
    """A file of customers, events or products that somebody brought through the console; worked through behind it."""

    class Kind(models.TextChoices):
        CUSTOMERS = "customers", "Customers"
        EVENTS = "events", "Events"
        PRODUCTS = "products", "Products"

    class State(models.TextChoices):
        UPLOADED = "uploaded", "Waiting for its columns"
        QUEUED = "queued", "Waiting for its turn"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    kind = models.CharField(max_length=9, choices=Kind.choices)
    state = models.CharField(max_length=9, choices=State.choices, default=State.UPLOADED)
    name = models.CharField(max_length=255)  # of the file, as its owner called it
    file = models.CharField(max_length=300)  # in the retailer's storage
    notice = models.CharField(max_length=300, blank=True, db_default="")  # what was noticed when it came
    bytes = models.BigIntegerField(db_default=0)
    format = models.JSONField(default=dict, blank=True)  # its encoding, delimiter, way to write dates and decimals
    columns = models.JSONField(default=list, blank=True)  # the header, as the file has it
    mapping = models.JSONField(default=list, blank=True)  # the field of each column, "" to leave it out
    constants = models.JSONField(default=dict, blank=True)  # fields that are the same for every row
    bytes_read = models.BigIntegerField(db_default=0)
    row_number = models.BigIntegerField(db_default=0)  # the file's row that was read last
    rows = models.BigIntegerField(db_default=0)
    counts = models.JSONField(default=dict, blank=True)  # rows by what became of them
    rejects = models.CharField(max_length=300, blank=True, db_default="")
    rejects_bytes = models.BigIntegerField(db_default=0)
    error = models.CharField(max_length=1000, blank=True, db_default="")
    by = models.CharField(max_length=200, blank=True, db_default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name
