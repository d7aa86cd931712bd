from __future__ import annotations

from django.db import models


class FactsProof(models.Model):
    """Facts held against the rows they are made of, range by range; what was found, and whether it was put right."""

    began_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    repairs = models.BooleanField(db_default=True)
    checked_to = models.BigIntegerField(db_default=0)  # the id of the customer up to whom it came
    customers = models.BigIntegerField(db_default=0)
    wrong = models.BigIntegerField(db_default=0)  # customers with a wrong fact, or without any
    repaired = models.BigIntegerField(db_default=0)
    columns = models.JSONField(default=dict, blank=True)  # how many are wrong of each column, or `missing`
    examples = models.JSONField(default=list, blank=True)  # a few external ids

    def __str__(self) -> str:
        return f"{self.wrong:,} of {self.customers:,} customers"

    @property
    def holds(self) -> bool:
        return self.wrong == self.repaired
