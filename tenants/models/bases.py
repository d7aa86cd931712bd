from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from tenants.models.retailers import Group, Retailer


class SourceFormat(models.TextChoices):
    HTML = "html", "HTML"
    MJML = "mjml", "MJML"


class BaseTemplate(models.Model):
    """A template that retailers' own are built on: the platform's, or what a group says over it.

    A group's row of the same key fills slots, overrides blocks and locks more; a key that the platform does not use
    is a base of the group's own. What is edited is `draft` (campaigns.config.template), what counts are versions.
    """

    key = models.SlugField(max_length=63)
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.CASCADE, related_name="base_templates")
    name = models.CharField(max_length=200)
    channel = models.CharField(max_length=10, default="email")
    draft = models.JSONField(default=dict, blank=True)
    number = models.PositiveIntegerField(default=0)  # grows with every save: the optimistic lock
    live = models.ForeignKey("BaseVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    canary = models.ForeignKey("BaseVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    canary_since = models.DateTimeField(null=True, blank=True)
    # Its live version was killed with nothing to take its place: what is built on it waits for the next one.
    is_halted = models.BooleanField(default=False, db_default=False, editable=False)
    canary_retailers = models.ManyToManyField(Retailer, blank=True, related_name="+")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "group"], nulls_distinct=False, name="base_template_once"),
        ]

    def __str__(self) -> str:
        return f"{self.key} of {self.group}" if self.group else self.key


class BaseVersion(models.Model):
    """A published base. Never changes but for being killed; editions name it."""

    base = models.ForeignKey(BaseTemplate, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64)
    document = models.JSONField()  # the draft as it was
    compiled = models.JSONField()  # campaigns.layering.Base as plain data: what a batch needs of it
    published_at = models.DateTimeField(db_default=Now(), editable=False)
    published_by = models.CharField(max_length=200, blank=True, db_default="")
    killed_at = models.DateTimeField(null=True, blank=True)
    killed_because = models.CharField(max_length=500, blank=True, db_default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["base", "number"], name="base_version_once")]

    def __str__(self) -> str:
        return f"{self.base} v{self.number}"


class BasePin(models.Model):
    """A retailer that stays at one version of a base, whatever is published."""

    base = models.ForeignKey(BaseTemplate, on_delete=models.CASCADE, related_name="pins")
    retailer = models.ForeignKey(Retailer, on_delete=models.CASCADE, related_name="base_pins")
    version = models.ForeignKey(BaseVersion, on_delete=models.CASCADE, related_name="pins")
    reason = models.CharField(max_length=500, blank=True, db_default="")
    pinned_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["base", "retailer"], name="pinned_once")]

    def __str__(self) -> str:
        return f"{self.retailer} at {self.version}"
