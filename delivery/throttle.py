"""The throttle of one run: at most so many messages a minute, whoever hands them over.

Reads    Run.throttle, Throttle
Writes   Throttle
Promise  in no minute more messages than it says, by the database's clock, in one statement that all workers share; a
         run without one costs nothing

Held by the generic cell rate algorithm, as a provider's rate is (delivery.allowance). What may go at once is two
seconds' worth, and the rate is that much lower: so that not even the minute that begins with them gets more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from delivery import batches
from delivery.batches import Entry, Lease

BURST = 2.0  # seconds' worth of messages that may go at once
LONGEST = 60.0  # seconds that a batch waits before it asks again, however many are before it
_BATCH = 500  # messages that a batch before this one may still have


@dataclass(frozen=True)
class Granted:
    """`entries` may go now; the rest of the batch waits until `until`."""

    entries: Sequence[Entry]
    until: datetime | None = None


def words(per_minute: int) -> str:
    return f"Held to {per_minute:,} message{'' if per_minute == 1 else 's'} a minute."


def size(per_minute: int, most: int) -> int:
    """How many to prepare at once: what may go in a second."""
    return max(1, min(most, per_minute // 60))


def full_until(lease: Lease) -> datetime | None:
    """When a batch is to ask again, where nothing of its run may go now: asked before anything is read of it."""
    per_minute = lease.throttle
    if per_minute is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(_LOOK, _params(lease, per_minute, 1, None))
        row = cursor.fetchone()
    if row is None or row[0] <= 0:
        return None
    return _later(lease, per_minute, row[0])


def take(lease: Lease, per_minute: int, wanted: Sequence[Entry], *, now: datetime | None = None) -> Granted:
    """What of `wanted`, in order, may be handed over now, entered as if it were.

    Workers leave `now` out: they share the database's clock.
    """
    if not wanted:
        return Granted(wanted)
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, _params(lease, per_minute, len(wanted), now))
        row = cursor.fetchone()
    granted, seconds = row or (0, 1.0)
    if granted == len(wanted):
        return Granted(wanted)
    return Granted(wanted[:granted], _later(lease, per_minute, seconds))


def leave(lease: Lease, per_minute: int, number: int) -> None:
    """So many were not even tried: there is room for them again."""
    if number:
        with connection.cursor() as cursor:
            cursor.execute(_LEAVE, [number, _rate(per_minute), lease.run_id])


def _later(lease: Lease, per_minute: int, seconds: float) -> datetime:
    """When there is room again and the batches before this one have had theirs: all at once would ask in vain."""
    before = batches.waiting_before(lease)
    return timezone.now() + timedelta(seconds=seconds + min(LONGEST, before * _BATCH / _rate(per_minute)))


def _rate(per_minute: int) -> float:
    """Messages a second, so that a minute with a burst in it has no more than it may have; one at a time is none."""
    slower = per_minute / (60.0 + BURST)
    return slower if slower * BURST >= 1.0 else per_minute / 60.0


def _params(lease: Lease, per_minute: int, wanted: int, now: datetime | None) -> dict[str, Any]:
    rate = _rate(per_minute)
    return {"run": lease.run_id, "wanted": wanted, "rate": rate, "burst": max(BURST, 1 / rate), "now": now}


_ROOM = """
    SELECT known.run_id, now.at, greatest(known.full_at, now.at) AS full_at
    FROM delivery_throttle known, LATERAL (SELECT coalesce(%(now)s::timestamptz, clock_timestamp()) AS at) now
    WHERE known.run_id = %(run)s
"""
_LOOK = f"""
SELECT (extract(epoch FROM full_at - at) + %(wanted)s / %(rate)s::float8 - %(burst)s::float8 - 1e-9)::float8
FROM ({_ROOM}) room
"""
_TAKE = f"""
WITH room AS MATERIALIZED ({_ROOM} FOR UPDATE OF known), granted AS (
    SELECT room.*, greatest(0, least(%(wanted)s::int, floor(
        (extract(epoch FROM at - full_at) + %(burst)s::float8) * %(rate)s::float8 + 1e-9)))::int AS number
    FROM room
)
UPDATE delivery_throttle known SET full_at = granted.full_at + make_interval(secs => number / %(rate)s::float8)
FROM granted WHERE known.run_id = granted.run_id
RETURNING number, greatest(0, extract(epoch FROM granted.full_at - granted.at) - %(burst)s::float8
    + (number + greatest(1, least(%(wanted)s - number, %(rate)s::float8 * 0.5))) / %(rate)s::float8)::float8
"""
_LEAVE = """
UPDATE delivery_throttle SET full_at = full_at - make_interval(secs => %s / %s::float8) WHERE run_id = %s
"""
