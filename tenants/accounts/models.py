"""People who sign in and keys that integrators call with. Each schema has its own: the platform and every retailer."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import models
from django.db.models.functions import Now
from rest_framework_api_key.models import AbstractAPIKey


class UserManager(BaseUserManager["User"]):
    use_in_migrations = True

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        everything = {"is_staff": True, "is_superuser": True, "role": Role.ADMIN}
        return self.create_user(email, password, **{**everything, **fields})


class Role(models.TextChoices):
    """What a person may do; each role includes the ones before it."""

    VIEWER = "viewer", "Viewer: sees everything, changes nothing"
    EDITOR = "editor", "Editor: writes, submits and launches what needs no approval"
    APPROVER = "approver", "Approver: also approves what others wrote"
    ADMIN = "admin", "Administrator: also people, keys, policy and defaults"

    def includes(self, other: Role) -> bool:
        order = list(Role)
        return order.index(self) >= order.index(other)


class Digest(models.TextChoices):
    """How often somebody gets a mail on what ran and what needs them."""

    NONE = "none", "Not at all"
    DAILY = "daily", "Every day"
    WEEKLY = "weekly", "Every Monday"


class User(AbstractUser):
    """A marketer in a retailer's schema, or staff in the platform's."""

    username = None  # type: ignore[assignment]  # people sign in with their e-mail address
    email = models.EmailField(unique=True)
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.EDITOR, db_default=Role.EDITOR)
    digest = models.CharField(max_length=6, choices=Digest.choices, default=Digest.NONE, db_default="none")
    digested_until = models.DateTimeField(null=True, blank=True, editable=False)  # what was before, they were told

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []

    objects = UserManager()  # type: ignore[misc,assignment]

    def may(self, needed: Role) -> bool:
        return self.is_active and Role(self.role).includes(needed)


class Scope(models.TextChoices):
    """What a key may do; each scope includes the ones before it."""

    READ = "read", "Read everything"
    INGEST = "ingest", "Read, and send customers and events"
    WRITE = "write", "Ingest, and edit and launch campaigns"
    FULL = "full", "Everything, including erasing customers"

    def allows(self, other: Scope) -> bool:
        order = list(Scope)
        return order.index(self) >= order.index(other)


class ApiKey(AbstractAPIKey):
    scope = models.CharField(max_length=10, choices=Scope.choices, default=Scope.READ)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta(AbstractAPIKey.Meta):
        verbose_name = "API key"
        verbose_name_plural = "API keys"


class IdempotencyKey(models.Model):
    """The answer to a POST that was sent with an Idempotency-Key, kept so that a repetition gets it again."""

    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)  # of method, path and body
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["api_key", "key"], name="answer_once")]

    def __str__(self) -> str:
        return self.key


class AuditEntry(models.Model):
    """One change that somebody made, through whatever door. Written by tenants.audit, never changed or removed."""

    at = models.DateTimeField(db_default=Now(), editable=False, db_index=True)
    actor = models.CharField(max_length=200)  # for people to read
    identity = models.CharField(max_length=100)  # user:7, key:aX3k, command:root, engine
    door = models.CharField(max_length=10)
    action = models.CharField(max_length=30)
    kind = models.CharField(max_length=30)
    key = models.CharField(max_length=200, blank=True)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    number = models.PositiveIntegerField(null=True, blank=True)  # of the draft that the change made
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["kind", "key", "number"], name="audit_of_subject")]

    def __str__(self) -> str:
        return f"{self.action} {self.kind} {self.key}".strip()
