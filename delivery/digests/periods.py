"""When a digest is due: at seven in the morning of the retailer's clock, every day or every Monday."""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo

from tenants.accounts.models import Digest

AT = time(7)
MONDAY = 0


def last(how_often: Digest, now: datetime, zone: tzinfo) -> datetime:
    """The latest instant up to `now`."""
    day = now.astimezone(zone).date()
    while True:
        due = datetime.combine(day, AT, zone)
        if due <= now and (how_often == Digest.DAILY or day.weekday() == MONDAY):
            return due
        day -= timedelta(days=1)


def next_after(how_often: Digest, now: datetime, zone: tzinfo) -> datetime:
    day = now.astimezone(zone).date()
    while True:
        due = datetime.combine(day, AT, zone)
        if due > now and (how_often == Digest.DAILY or day.weekday() == MONDAY):
            return due
        day += timedelta(days=1)


def begins(how_often: Digest, ends: datetime) -> datetime:
    """When the period began that ends then."""
    days = 1 if how_often == Digest.DAILY else 7
    return datetime.combine(ends.date() - timedelta(days=days), AT, ends.tzinfo)
