"""A digest that is due, handed to the platform's own mail server."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta

from django.conf import settings

from campaigns import content
from delivery import providers
from delivery.channels.base import ChannelUnavailable, Envelope, Outbound, Result
from delivery.digests import periods, writing
from delivery.digests.writing import Written
from tenants.accounts.models import Digest, User
from tenants.models import Retailer

SECONDS = 15.0
AGAIN = timedelta(minutes=10)  # after the mail server could not take it
_SPACE = uuid.UUID("5c2d5d1e-6a0f-5b3e-9f57-0f6f0b7a2d41")  # of our digests' names
_NOT_GONE = (Result.DEFERRED, Result.UNSENT)
logger = logging.getLogger(__name__)


def advance(user_id: int, retailer: Retailer, *, now: datetime) -> datetime | None:
    """Returns when the next is due; None for somebody who wants none any more, or may not sign in."""
    user = User.objects.filter(pk=user_id, is_active=True).exclude(digest=Digest.NONE).first()
    if user is None:
        return None
    how_often = Digest(user.digest)
    ends = periods.last(how_often, now, retailer.tzinfo)
    following = periods.next_after(how_often, now, retailer.tzinfo)
    if user.digested_until is None or user.digested_until >= ends:
        return following
    written = writing.write(user, retailer, periods.begins(how_often, ends), ends)  # should it fail, nothing was told
    if _mark(user, ends) and not _send(written, user, retailer, ends):
        User.objects.filter(pk=user.pk, digested_until=ends).update(digested_until=user.digested_until)
        return min(now + AGAIN, following)
    return following


def _mark(user: User, ends: datetime) -> bool:
    """Take it as told; False where it was."""
    untold = User.objects.filter(pk=user.pk, digest=user.digest, digested_until__lt=ends)
    return bool(untold.update(digested_until=ends))


def _send(written: Written, user: User, retailer: Retailer, ends: datetime) -> bool:
    """Whether it went, or may have gone."""
    key = uuid.uuid5(_SPACE, f"{retailer.schema_name}/{user.pk}/{ends.isoformat()}")
    headers = {
        "List-Unsubscribe": f"<{written.leave_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
    }
    mail = Outbound(str(key), user.email, written.subject, written.html, written.text, headers)
    envelope = Envelope(settings.SYSTEM_FROM, content.brand().from_name, settings.SYSTEM_FROM)
    try:
        outcome = providers.of_the_platform().send(envelope, [mail], seconds=SECONDS)[0]
    except ChannelUnavailable as refusal:
        logger.warning("The digest of %s waits: %s", user.pk, refusal)
        return False
    if outcome.result != Result.ACCEPTED:
        logger.warning("The digest of %s: %s, %s", user.pk, outcome.result, outcome.unnamed(user.email))
    return outcome.result not in _NOT_GONE
