"""How providers fare: for lists, pages and answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from delivery import patience, volume
from delivery.models import Provider
from tenants import context

PATIENCE = 1.0  # seconds for counting a day's messages
WORKING, OFF, RESTING, TRIED, USED_UP = "working", "switched off", "resting", "being tried", "used up"


@dataclass(frozen=True)
class Standing:
    """`words` say more where there is more to say; `until` is when it is used again by itself."""

    state: str
    words: str = ""
    until: datetime | None = None

    @property
    def why(self) -> str:
        """In a sentence, for people; empty where there is nothing to say."""
        return f"It was left alone because of this: {self.words}" if self.state in (RESTING, TRIED) else self.words


def all_of_them() -> QuerySet[Provider]:
    return Provider.objects.select_related("state").order_by("channel", "priority", "key")


def of(provider: Any) -> Standing:
    """The provider's, read with its state."""
    state, now = provider.state, timezone.now()
    if not provider.is_active:
        return Standing(OFF)
    if state.opened_at and state.retry_at > now:
        return Standing(RESTING, state.error, state.retry_at)
    if state.opened_at:
        return Standing(TRIED, state.error)
    if provider.max_per_day is not None and state.day == _today() and state.used >= provider.max_per_day:
        return Standing(USED_UP, f"It has had its {provider.max_per_day:,} messages of the day.", _tomorrow())
    return Standing(WORKING)


def today(providers: Iterable[Provider]) -> dict[str, int] | None:
    """How many messages each took today, of the retailer's calendar; None when counting takes too long."""
    keys = [provider.key for provider in providers]
    begin = volume.begins_at(_today(), context.current().tzinfo)
    try:
        with patience.seconds(PATIENCE), connection.cursor() as cursor:
            cursor.execute(_TAKEN, [begin, keys])
            return dict.fromkeys(keys, 0) | dict(cursor.fetchall())
    except patience.TookTooLong:
        return None


def _today() -> date:
    return timezone.now().astimezone(context.current().tzinfo).date()


def _tomorrow() -> datetime:
    """When a new day's budget begins."""
    return volume.begins_at(_today() + timedelta(days=1), context.current().tzinfo)


_TAKEN = """
SELECT provider, count(*) FROM delivery_message
WHERE settled_at >= %s AND provider = ANY(%s) AND state IN ('accepted', 'delivered', 'bounced', 'unknown')
GROUP BY provider
"""
