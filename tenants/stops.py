"""The emergency stop: nothing more is started or handed over, for one retailer or for everybody.

Workers look before each hand-over (at most 50 messages), in the statement that records the one before; the agenda
deals no work of those who are stopped. Nothing is lost: what was queued goes on when the stop is lifted.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import F, Q

from tenants import acting, audit
from tenants.models import Retailer, Stop


class Stopped(ValueError):
    """Sending is stopped: the message says by whom and why."""


@transaction.atomic
def stop(retailer: Retailer | None, *, reason: str) -> Stop:
    """Stop a retailer, or with None the platform; one that is stopped already stays as it was."""
    actor = acting.current()
    made, is_new = Stop.objects.get_or_create(
        retailer=retailer, defaults={"reason": (reason.strip() or "no reason was given")[:300], "by": actor.name[:200]}
    )
    if is_new:
        _note("stop", retailer, made.reason)
    return made


@transaction.atomic
def lift(retailer: Retailer | None) -> bool:
    """Let the work go on. False when nothing was stopped. A platform's stop is not lifted for one retailer."""
    found = Stop.objects.filter(retailer=retailer).first()
    if found is None:
        return False
    found.delete()
    _note("lift stop", retailer, found.reason)
    return True


def standing(retailer: Retailer) -> Stop | None:
    """The stop that holds for a retailer: the platform's before its own."""
    found = Stop.objects.filter(Q(retailer=None) | Q(retailer_id=retailer.pk))
    return found.order_by(F("retailer").asc(nulls_first=True)).first()


def check(retailer: Retailer) -> None:
    """Raises Stopped."""
    found = standing(retailer)
    if found:
        whose = "All sending of the platform" if found.retailer_id is None else "All sending"
        raise Stopped(f"{whose} was stopped by {found.by}: {found.reason}. Lift the stop first.")


def _note(action: str, retailer: Retailer | None, reason: str) -> None:
    if retailer:
        audit.note_of(retailer, action, "sending", after={"reason": reason})
    else:
        audit.note(action, "sending", "platform", after={"reason": reason})
