from __future__ import annotations

from django.db import models


class Reached(models.Model):
    """What an address of messages answered when it was last called, before a launch: a link's page, or an image.

    `problem` is blank where it answers as it should, and where that could not be learnt, which `is_known` tells.
    """

    url = models.CharField(max_length=2000, unique=True)
    is_known = models.BooleanField()
    problem = models.CharField(max_length=200, blank=True, db_default="")
    bytes = models.BigIntegerField(null=True, blank=True)  # of an image
    looked_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.url
