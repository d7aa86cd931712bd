"""The audit trail: every change of configuration, by whom, through which door, before, after and why.

Written in the transaction of the change, in the schema whose configuration it is; there is no door to change it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tenants import acting, context
from tenants.accounts.models import AuditEntry
from tenants.models import Retailer


def note(
    action: str, kind: str, key: str = "", *, before: Any = None, after: Any = None, number: int | None = None
) -> None:
    """Write down that whoever is acting did `action` to the `kind` called `key`.

    `before` and `after` are plain data without secrets; a change that changed nothing is none.
    """
    if before is not None and before == after:
        return
    actor = acting.current()
    AuditEntry.objects.create(
        actor=actor.name[:200],
        identity=actor.identity[:100],
        door=actor.door,
        action=action,
        kind=kind,
        key=key[:200],
        before=before,
        after=after,
        number=number,
        reason=actor.reason,
    )


def note_of(retailer: Retailer, action: str, kind: str, *, before: Any = None, after: Any = None) -> None:
    """Write down what the platform did to a retailer: in its own trail and in the platform's."""
    with context.on_platform():
        note(action, kind, retailer.slug, before=before, after=after)
    with context.in_retailer(retailer):
        note(action, kind, before=before, after=after)


def as_of(at: datetime, kind: str, field: str, *, key: str = "") -> dict[str, Any]:
    """What a `kind` that people edit said at that instant, as the first change of its `field` since then found it.

    Empty where it says the same today.
    """
    changed = AuditEntry.objects.filter(kind=kind, key=key, at__gt=at, before__has_key=field)
    return changed.order_by("at", "pk").values_list("before", flat=True).first() or {}


def since_draft(kind: str, key: str, number: int) -> list[AuditEntry]:
    """What was saved of a draft after its draft `number`, oldest first."""
    return list(AuditEntry.objects.filter(kind=kind, key=key, number__gt=number).order_by("pk"))
