from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now

NAME = RegexValidator(
    r"\A[A-Za-z][A-Za-z0-9_. -]{0,63}\Z", "Begin with a letter; then letters, digits, spaces, _ . and - (64 at most)."
)


class AttributeDefinition(models.Model):
    """A custom attribute with a declared type: values of another type are refused, and rules on it are fast.

    `slot` is the column of Facts that holds it (`text_3`, `number_1`); without one, or before `ready_at`, rules read
    the customer's own attributes instead: slower, with the same answer.
    """

    class Type(models.TextChoices):
        TEXT = "text", "Text"
        NUMBER = "number", "Number"
        BOOLEAN = "boolean", "Yes or no"
        DATE = "date", "Date"

    name = models.CharField(max_length=64, unique=True, validators=[NAME])
    type = models.CharField(max_length=7, choices=Type.choices, default=Type.TEXT)
    description = models.CharField(max_length=300, blank=True, db_default="")
    slot = models.CharField(max_length=8, blank=True, db_default="")
    ready_at = models.DateTimeField(null=True, blank=True, editable=False)
    filled_to = models.BigIntegerField(db_default=0, editable=False)  # the customer up to whom it was looked at
    misfits = models.BigIntegerField(db_default=0, editable=False)  # values found there that are of another type
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = "attribute"
        constraints = [
            models.UniqueConstraint(fields=["slot"], condition=~models.Q(slot=""), name="one_attribute_per_slot")
        ]

    def __str__(self) -> str:
        return self.name
