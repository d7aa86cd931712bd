"""People who sign in and keys that integrators call with, as whoever acts saves them: roles, locks, revocations.

Writes   User, ApiKey
Promise  what people may do follows from their role alone; the trail names every change and holds no secret
"""

from __future__ import annotations

from typing import Any

from django.db import transaction

from tenants import audit
from tenants.accounts.models import ApiKey, Role, User

_TOLD = ("email", "first_name", "last_name", "role", "is_active")


@transaction.atomic
def save_person(user: User) -> User:
    """Create or change; a new person has no password until they choose one by their login link."""
    before = _person(User.objects.filter(pk=user.pk).first())
    user.is_superuser = user.role == Role.ADMIN
    if before is None:
        user.is_staff = True
        user.set_unusable_password()
    user.save()
    audit.note("create" if before is None else "edit", "person", user.email, before=before, after=_person(user))
    return user


@transaction.atomic
def make_key(key: ApiKey) -> str:
    """Store a new key; its secret is returned, and kept nowhere."""
    secret: str = ApiKey.objects.assign_key(key)
    key.save()
    audit.note("create", "api key", key.name, after=_key(key))
    return secret


@transaction.atomic
def save_key(key: ApiKey) -> None:
    """Rename or revoke; a revoked key stays revoked."""
    before = ApiKey.objects.get(pk=key.pk)
    key.save()
    is_revoked = key.revoked and not before.revoked
    audit.note("revoke" if is_revoked else "edit", "api key", key.name, before=_key(before), after=_key(key))


def _person(user: User | None) -> dict[str, Any] | None:
    return None if user is None else {name: getattr(user, name) for name in _TOLD}


def _key(key: ApiKey) -> dict[str, Any]:
    return {"name": key.name, "prefix": key.prefix, "scope": key.scope, "revoked": key.revoked}
