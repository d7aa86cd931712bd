"""Whether somebody wants a digest, and how often."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from delivery import identity
from delivery.digests import periods
from tenants import agenda, audit, context
from tenants.accounts.models import Digest, User
from tenants.models import Retailer

AGENDA_KIND = "digest"
PURPOSE = "digest"
SEAL = 20  # characters


@transaction.atomic
def choose(user: User, how_often: Digest, *, now: datetime) -> None:
    """From now on: the first one tells of the period under way. Chosen again, nothing changes."""
    if user.digest == how_often:
        return
    before, user.digest = user.digest, how_often
    retailer = context.current()
    agenda.drop(retailer, AGENDA_KIND, [user.pk])
    if how_often != Digest.NONE:
        user.digested_until = periods.last(how_often, now, retailer.tzinfo)
        due_at = periods.next_after(how_often, now, retailer.tzinfo)
        agenda.put(retailer, AGENDA_KIND, user.pk, due_at=due_at)
    user.save(update_fields=["digest", "digested_until"])
    audit.note("edit", "digest", user.email, before={"digest": str(before)}, after={"digest": str(how_often)})


def promise(user: User, *, now: datetime) -> str:
    """What comes next, in words."""
    if user.digest == Digest.NONE:
        return "You get no digest."
    due = periods.next_after(Digest(user.digest), now, context.current().tzinfo)
    return f"The next digest goes to {user.email} on {due:%A}, {due.day} {due:%B}, at {due:%H:%M}."


def reader(retailer: Retailer, token: str) -> User:
    """Whom a link in a digest speaks for. Raises BadToken."""
    number, _, seal = token.partition(".")
    is_ours = len(seal) == SEAL and identity.Signer(retailer).is_sealed(seal, PURPOSE, number)
    found = User.objects.filter(pk=int(number)).first() if is_ours else None
    if found is None:
        raise identity.BadToken
    return found


def token(retailer: Retailer, user: User) -> str:
    return f"{user.pk}.{identity.Signer(retailer).seal(PURPOSE, str(user.pk))}"
