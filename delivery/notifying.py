"""Notices to their subscriptions: posted, signed, tried again for 72 hours.

Reads    Notice, Subscription
Writes   Notice, Subscription
Promise  a notice goes out at least once unless its receiver fails for 72 hours, always under the same `webhook-id`; a
         receiver that fails is left alone for longer and longer, and keeps nobody waiting but its own notices
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from delivery import subscriptions
from delivery.channels import standard_webhooks
from delivery.channels.guarded import Answer, Client, Lost, NotAllowed, Request, Unsent
from delivery.models import Notice, Subscription
from tenants import audit
from tenants.models import Retailer
from tenants.sealing import CannotUnseal

GIVE_UP_AFTER = timedelta(hours=72)
SECONDS = 10.0  # that an answer may take
AT_A_STRETCH, MOST = 5.0, 100  # seconds and notices before others have a turn
PAUSES = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 21_600)  # seconds before the next try; then the last again
KEPT = timedelta(days=14)  # what was delivered or given up, for a replay


@dataclass(frozen=True)
class _Result:
    """`is_everybody_s`: it says something of the address, not of this notice."""

    is_delivered: bool
    status: int | None = None
    error: str = ""
    is_everybody_s: bool = False
    is_gone: bool = False
    pause: float | None = None


def advance(subscription_id: int, retailer: Retailer, *, now: datetime) -> datetime | None:
    """Post what is due. Returns when there is more to do."""
    found = Subscription.objects.filter(pk=subscription_id, is_active=True).first()
    if found is None:
        return None
    if found.resting_until and found.resting_until > now:
        return found.resting_until
    client, begun = Client(allow_private=settings.ALLOW_PRIVATE_ADDRESSES, most_bytes=16 * 1024), time.monotonic()
    try:
        secret = subscriptions.secret_of(found)
        for notice in found.notices.filter(state="waiting", due_at__lte=now).order_by("due_at", "pk")[:MOST]:
            result = _posted(client, found, notice, secret)
            _note(notice, result)
            if not _goes_on(found, result) or time.monotonic() - begun > AT_A_STRETCH:
                break
    except CannotUnseal as problem:
        _stop(found, str(problem))
    finally:
        client.close()
    return _next(found)


def replay(subscription: Subscription, *, since: datetime) -> int:
    """Tell again what happened since then, under the same ids. How many that are."""
    now = timezone.now()
    again = {"state": "waiting", "due_at": now, "waiting_since": now, "attempts": 0, "error": ""}
    number = subscription.notices.filter(created_at__gte=since).exclude(state="waiting").update(**again)
    audit.note("replay", "webhook", subscription.key, after={"since": since.isoformat(), "notices": number})
    return number


def forget_old(*, now: datetime) -> int:
    return Notice.objects.exclude(state="waiting").filter(created_at__lt=now - KEPT).delete()[0]


def _posted(client: Client, subscription: Subscription, notice: Notice, secret: bytes) -> _Result:
    body = notice.body.encode()
    signed = standard_webhooks.headers(secret, str(notice.notice_id), body, at=int(time.time()))
    request = Request("POST", subscription.url, {"Content-Type": "application/json", **signed}, body)
    try:
        return _judged(client.send(request, seconds=SECONDS))
    except NotAllowed as problem:
        return _Result(False, error=str(problem), is_everybody_s=True)
    except (Unsent, Lost) as trouble:
        return _Result(False, error=str(trouble), is_everybody_s=True)


def _judged(answer: Answer) -> _Result:
    if 200 <= answer.status < 300:
        return _Result(True, answer.status)
    words = f"it answered {answer.status}"
    if answer.status == 410:
        return _Result(False, 410, f"{words}: the address is gone", is_everybody_s=True, is_gone=True)
    if answer.status in (408, 429) or answer.status >= 500:
        wait = answer.headers.get("retry-after", "")
        pause = float(min(int(wait), 3600)) if wait.isdecimal() and len(wait) < 9 else None
        return _Result(False, answer.status, words, is_everybody_s=True, pause=pause)
    return _Result(False, answer.status, words)


def _note(notice: Notice, result: _Result) -> None:
    now = timezone.now()
    pause = result.pause or PAUSES[min(notice.attempts, len(PAUSES) - 1)] * random.uniform(0.8, 1.2)
    is_over = now + timedelta(seconds=pause) - notice.waiting_since > GIVE_UP_AFTER
    state = "delivered" if result.is_delivered else "failed" if is_over else "waiting"
    Notice.objects.filter(pk=notice.pk).update(
        state=state,
        status=result.status,
        error=result.error[:300],
        attempts=F("attempts") + 1,
        due_at=now + timedelta(seconds=pause),
    )


def _goes_on(subscription: Subscription, result: _Result) -> bool:
    """Whether the next notice may be tried now."""
    if result.is_gone:
        _stop(subscription, "The receiver says that its address is gone (410). Correct it, and switch it on again.")
    elif result.is_everybody_s:
        pause = result.pause or PAUSES[min(subscription.failures, len(PAUSES) - 1)] * random.uniform(0.8, 1.2)
        subscription.resting_until = timezone.now() + timedelta(seconds=pause)
        subscription.failures, subscription.error = subscription.failures + 1, result.error[:300]
        subscription.save(update_fields=["resting_until", "failures", "error"])
    elif subscription.failures or subscription.error:
        subscription.failures, subscription.error, subscription.resting_until = 0, "", None
        subscription.save(update_fields=["resting_until", "failures", "error"])
    return not result.is_everybody_s


def _stop(subscription: Subscription, why: str) -> None:
    subscription.is_active, subscription.error = False, why[:300]
    subscription.save(update_fields=["is_active", "error"])


def _next(subscription: Subscription) -> datetime | None:
    if not subscription.is_active:
        return None
    due = subscription.notices.filter(state="waiting").order_by("due_at").values_list("due_at", flat=True).first()
    return max(due, subscription.resting_until) if due and subscription.resting_until else due
