from __future__ import annotations

import re
import secrets
import zoneinfo

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django_tenants.models import DomainMixin, TenantMixin

SLUG = RegexValidator(
    r"\A[a-z][a-z0-9-]{0,38}[a-z0-9]\Z",
    "A slug is 2 to 40 lower-case letters, digits and hyphens, begins with a letter and does not end in a hyphen.",
)
RESERVED_SLUGS = {"www", "api", "admin", "static", "media", "mail", "platform", "public"}
RESERVED_SLUGS |= {"brand", "segments", "templates", "campaigns"}  # folders of configuration as code


def generate_schema_name(slug: str) -> str:
    """`t_`, the slug's letters, and chance: generated, so that nobody chooses what reaches `SET search_path`."""
    return f"t_{re.sub('[^a-z0-9]', '', slug)[:20]}{secrets.token_hex(4)}"


def check_timezone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError(f"{name!r} is not a time zone. Use an IANA name such as Europe/London.")


class Group(models.Model):  # type: ignore[django-manager-missing]  # django-tenants comes without types
    """Retailers that share policy and templates."""

    key = models.SlugField(unique=True)
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class RetailerQuerySet(models.QuerySet["Retailer"]):
    def active(self) -> RetailerQuerySet:
        return self.filter(status=Retailer.Status.ACTIVE)


class Retailer(TenantMixin):
    """A tenant: one banner, one schema."""

    class Status(models.TextChoices):
        PROVISIONING = "provisioning"
        ACTIVE = "active"
        SUSPENDED = "suspended"

    slug = models.CharField(max_length=40, unique=True, validators=[SLUG])
    name = models.CharField(max_length=100)
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.PROTECT, related_name="retailers")
    timezone = models.CharField(max_length=64, default="UTC", validators=[check_timezone])
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.PROVISIONING)
    suspended_reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    auto_create_schema = False  # tenants.provisioning creates schemas, nothing else does
    auto_drop_schema = False

    objects = RetailerQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    @property
    def tzinfo(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.timezone)

    @property
    def is_active(self) -> bool:
        return self.status == self.Status.ACTIVE


class Domain(DomainMixin):
    """A host name that leads to a retailer; the primary one stands in links.

    One for tracking stands in the links of messages instead, and serves nothing else. A former one serves the links of
    messages that were sent with it.
    """

    class Purpose(models.TextChoices):
        SITE = "site"
        TRACKING = "tracking"
        FORMER = "former"

    purpose = models.CharField(max_length=8, choices=Purpose.choices, default=Purpose.SITE, db_default="site")

    def __str__(self) -> str:
        return self.domain
