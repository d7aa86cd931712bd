"""How many messages a retailer may hand over on a day of its calendar: reserved before, given back when not taken.

The count of a day begins with what the ledger says was handed over on it, so that a ceiling set at noon knows of the
morning. Callers hold the retailer's turn (`caps.one_at_a_time`) while they reserve.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import connection


def reserve(day: date, *, wanted: int, most: int, zone: ZoneInfo) -> int:
    """As many of `wanted` as are left of the day's `most`."""
    granted = _take(day, wanted, most)
    if granted is None:
        _begin(day, zone)
        granted = _take(day, wanted, most)
    return granted or 0


def used(day: date, zone: ZoneInfo) -> int:
    """How many were handed over on a day so far; nothing is reserved."""
    begin, end = begins_at(day, zone), begins_at(day + timedelta(days=1), zone)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce((SELECT handed FROM delivery_dailyvolume WHERE day = %(day)s), {_HANDED})",
                       {"day": day, "begin": begin, "end": end})  # fmt: skip
        return int(cursor.fetchone()[0])


def give_back(day: date, number: int) -> None:
    """Some of what was reserved was not taken. To be called before the ledger says what became of it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE delivery_dailyvolume SET handed = greatest(0, handed - %s) WHERE day = %s", [number, day]
        )


def begins_at(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone)


def _take(day: date, wanted: int, most: int) -> int | None:
    """None when nobody has counted that day yet."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {"day": day, "wanted": wanted, "most": most})
        row = cursor.fetchone()
    return row[0] if row else None


def _begin(day: date, zone: ZoneInfo) -> None:
    begin, end = begins_at(day, zone), begins_at(day + timedelta(days=1), zone)
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN, {"day": day, "begin": begin, "end": end})


_TAKE = """
WITH before AS (SELECT handed FROM delivery_dailyvolume WHERE day = %(day)s FOR UPDATE)
UPDATE delivery_dailyvolume volume
SET handed = before.handed + least(%(wanted)s, greatest(0, %(most)s - before.handed))
FROM before WHERE volume.day = %(day)s
RETURNING volume.handed - before.handed
"""

_HANDED = """((
    SELECT count(*) FROM delivery_message
    WHERE settled_at >= %(begin)s AND settled_at < %(end)s AND state IN ('accepted', 'delivered', 'bounced', 'unknown')
) + (
    SELECT count(*) FROM delivery_message message
    JOIN delivery_batch batch ON batch.id = message.batch_id AND batch.handed_to > batch.handed_from
    WHERE message.state = 'queued' AND message.position >= batch.handed_from AND message.position < batch.handed_to
      AND message.position <> ALL(batch.handed_except)
))"""
_BEGIN = f"""
INSERT INTO delivery_dailyvolume (day, handed) SELECT %(day)s, {_HANDED}
ON CONFLICT DO NOTHING
"""
