"""When a run is counted, and how far the counting has come."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from campaigns import belonging, content
from campaigns.config.campaign import CampaignConfig
from campaigns.models import Counting, Result, Run
from delivery import patience
from delivery.tallies import arms, parts
from tenants import agenda, context

AGENDA_KIND = "tally"
SOONEST, LATEST = timedelta(seconds=15), timedelta(hours=6)  # between two counts of a run
LEISURE = 20  # times what a count takes passes before the next
SIGNALS_COME = timedelta(days=30)  # after the last message: what comes later is kept and counted only when asked for
TURN = 5.0  # seconds of counting, after which others have their turn
NOTING = 20.0  # seconds that a slice's people may take to be told apart by segments: else they are not


def begin(run: Run) -> None:
    """From now on it is counted now and then, until nothing more is to come."""
    agenda.put_missing(context.current(), AGENDA_KIND, [run.pk])


def advance(run_id: int, *, now: datetime) -> datetime | None:
    """Go on counting a run. Returns when to go on, which is at once while it is not done, or to count it again."""
    run = Run.objects.select_related("version").get(pk=run_id)
    until = time.monotonic() + TURN
    while (result := _one_slice(run, now)) is None:
        if time.monotonic() >= until:
            return now
    ends = (run.finished_at or now) + max(SIGNALS_COME, _within(run.version.parsed()))
    if now > ends:
        return None
    age = now - run.started_at
    return now + max(SOONEST, min(age / LEISURE, LATEST), timedelta(seconds=LEISURE * result.seconds))


@transaction.atomic
def count(run: Run, *, now: datetime) -> Result:
    """All of it at once, from the beginning."""
    _lock(run)
    Counting.objects.filter(run=run).update(part=None, after=None)
    while (result := _slice(run, now)) is None:
        pass
    return result


@transaction.atomic
def _one_slice(run: Run, now: datetime) -> Result | None:
    _lock(run)
    return _slice(run, now)


def _slice(run: Run, now: datetime) -> Result | None:
    """Count what is next: a slice of the messages, or of the people behind the arms. None: there is more to count."""
    begun = time.monotonic()
    counting = Counting.objects.get_or_create(run=run)[0]
    if counting.part is None and counting.after is None:
        _start(counting, run, now)
    config, own = run.version.parsed(), content.brand().currency
    assert counting.begun_at is not None
    window = _window(run, config, counting.begun_at)
    if counting.part is not None:
        _note_segments(counting, run)
        is_last = parts.count(counting, config, own=own)
        counting.part = None if is_last else counting.part + 1
        counting.after = 0 if is_last and window else None
    elif window:
        counting.after = arms.add_up(counting, window, own=own)
    counting.seconds += time.monotonic() - begun
    counting.save()
    if counting.part is not None or counting.after is not None:
        return None
    return _finish(counting, run, window, own)


def _start(counting: Counting, run: Run, now: datetime) -> None:
    counting.begun_at, counting.part, counting.seconds = now, 0, 0.0
    counting.domains = parts.domains(run)
    counting.sums = arms.NOTHING
    if counting.segments is None:
        counting.segments = belonging.worth_noting(as_of=run.as_of)


def _note_segments(counting: Counting, run: Run) -> None:
    """Where rules are so dear that a slice is not told apart in time, the run is not told apart by segments at all."""
    if not counting.segments:
        return
    try:
        with patience.seconds(NOTING):
            belonging.note(run, counting.segments, parts.people(counting))
    except patience.TookTooLong:
        counting.segments = []


def _window(run: Run, config: CampaignConfig, begun_at: datetime) -> arms.Window | None:
    """None without a goal, and until somebody was drawn."""
    if config.goal is None or run.evaluated_at is None:
        return None
    until = (run.finished_at or begun_at) + config.goal.within
    return arms.Window(config.goal.event, run.evaluated_at, until)


def _finish(counting: Counting, run: Run, window: arms.Window | None, own: str) -> Result:
    values: dict[str, Any] = {"as_of": counting.begun_at, "seconds": counting.seconds}
    if window:
        values |= {
            "counts_until": window.until,
            "arms": counting.sums["arms"],
            "amounts": arms.amounts(counting.sums["amounts"], own),
        }
    else:
        values |= {"counts_until": None, "arms": None, "amounts": {}}
    return Result.objects.update_or_create(run=run, defaults=values)[0]


def _lock(run: Run) -> None:
    """Nobody else counts this retailer's run until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('tally/' || current_schema()), %s)", [run.pk % 2**31])


def _within(config: CampaignConfig) -> timedelta:
    return config.goal.within if config.goal else timedelta()
