from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class ConfigSnapshot(models.Model):
    """The whole configuration as it stood before a change by campaigns.ascode, so that the change can be undone.

    `documents` is {kind: {key: document}}; `live` is {template key: content hash of what was published}.
    """

    number = models.PositiveIntegerField(unique=True)
    documents = models.JSONField()
    live = models.JSONField(default=dict, blank=True)
    content_hash = models.CharField(max_length=64)
    made_at = models.DateTimeField(db_default=Now(), editable=False)
    made_by = models.CharField(max_length=200, blank=True, db_default="")
    reason = models.CharField(max_length=500, blank=True, db_default="")

    def __str__(self) -> str:
        return f"Before change {self.number}"
