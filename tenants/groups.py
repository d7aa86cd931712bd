"""Groups of retailers, which share policy, defaults and templates.

Writes   Group
Promise  a group that has retailers is not removed; the trail names every change
"""

from __future__ import annotations

from django.db import transaction

from tenants import audit
from tenants.models import Group


class InUse(ValueError):
    """The group still has retailers: move them first."""


@transaction.atomic
def save(group: Group) -> None:
    """Create or rename."""
    before = Group.objects.filter(pk=group.pk).first()
    group.save()
    told = None if before is None else {"key": before.key, "name": before.name}
    audit.note(
        "create" if before is None else "edit",
        "group",
        group.key,
        before=told,
        after={"key": group.key, "name": group.name},
    )


@transaction.atomic
def remove(group: Group) -> None:
    """Remove it, with its policy and defaults. Raises InUse."""
    if group.retailers.exists():
        raise InUse(f"{group.name} still has retailers: move them to another group first.")
    audit.note("delete", "group", group.key, before={"key": group.key, "name": group.name})
    group.delete()
