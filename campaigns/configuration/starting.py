"""Runs begin: by a person, the clock or an event, each occurrence once."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from campaigns import arrivals, checks, lifecycle, schedule
from campaigns.config.campaign import EventTrigger, ScheduleTrigger
from campaigns.configuration.occurrences import MISSED, following_of, next_of, why_missed
from campaigns.configuration.versions import publish
from campaigns.lifecycle import NotAllowed
from campaigns.models import Arrival, Campaign, CampaignVersion, Run
from tenants import agenda, audit, context, stops

OURS = ("schedule:", arrivals.OCCURRENCE)  # how occurrences begin that people do not name


def launch(
    campaign: Campaign, *, by: str, now: datetime, occurrence: str | None = None, as_of: datetime | None = None
) -> Run:
    """Start a run of the draft as it stands, publishing it first where it changed. Raises Invalid or NotAllowed.

    A campaign with a `schedule` trigger has one occurrence, whether the clock or a person starts it; any other starts
    a new run each time, or returns the run that the same `occurrence` started before.
    """
    check_not_stopped()
    if occurrence and occurrence.startswith(OURS):
        raise NotAllowed(f"{occurrence!r} is the name of an occurrence that only the clock or an event starts.")
    version = publish(campaign, now=now)
    trigger = version.parsed().trigger
    if isinstance(trigger, ScheduleTrigger):
        occurrence = schedule.only_occurrence(trigger, context.current().tzinfo).key
        if campaign.runs.filter(occurrence=occurrence).exists():
            raise NotAllowed(f"{campaign.key} is scheduled once, and that run was already started.")
    return start(campaign, version, occurrence=occurrence or f"manual:{uuid.uuid4()}", by=by, as_of=as_of or now)


def launch_due(campaign: Campaign, *, now: datetime) -> datetime | None:
    """The turn of the clock or of events: start what is due, once. Returns when to look again, if there is a when.

    What was missed by more than its grace is recorded as missed and not started; so is all but the latest of several
    times missed by less. What the policy does not allow any more is held, with the reason.
    """
    if campaign.state not in arrivals.AWAKE or campaign.live is None:
        return None
    config = campaign.live.parsed()
    if isinstance(config.trigger, EventTrigger):
        return _launch_arrived(campaign, now=now)
    looked = max(filter(None, [campaign.looked_at, campaign.live.published_at]))
    due, run = next_of(campaign, config, after=looked), None
    while due and due.at <= now:
        following = following_of(campaign, config, due)
        missed = why_missed(due, following, config, now)
        run = start(campaign, campaign.live, occurrence=due.key, by="schedule", as_of=now, missed=missed)
        looked, due = max(looked, due.at), following
    Campaign.objects.filter(pk=campaign.pk).update(looked_at=looked)
    if due is None and not campaign.runs.open().exists():
        lifecycle.attempt(campaign, "expire" if run and run.state == Run.State.MISSED else "complete")
    return due.at if due else None


@transaction.atomic
def _launch_arrived(campaign: Campaign, *, now: datetime) -> datetime | None:
    """Who arrived since the last look becomes one run; who waited for longer than the grace is recorded as missed."""
    locked = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    trigger = locked.live.parsed().trigger if locked.live else None
    if locked.state not in arrivals.AWAKE or locked.live is None or not isinstance(trigger, EventTrigger):
        return None
    waiting = arrivals.waiting(locked, trigger)
    free_at = arrivals.free_at(locked.looked_at) or now
    if free_at <= now:
        late = waiting.filter(due_at__lt=now - trigger.grace)
        _start_with(late, locked, now=now, missed=f"{arrivals.people(late)}: {MISSED}")
        if _start_with(waiting.filter(due_at__lte=now), locked, now=now):
            Campaign.objects.filter(pk=locked.pk).update(looked_at=now)
            free_at = now + arrivals.GATHER
    earliest = arrivals.earliest(waiting)
    return max(earliest, free_at) if earliest else None


def _start_with(arrived: QuerySet[Arrival], campaign: Campaign, *, now: datetime, missed: str = "") -> bool:
    """One run of everybody who arrived; False when nobody did."""
    occurrence = arrivals.occurrence(arrived)
    if occurrence is None or campaign.live is None:
        return False
    run = start(campaign, campaign.live, occurrence=occurrence, by="event", as_of=now, missed=missed)
    arrived.update(run=run)
    return True


@transaction.atomic
def start(
    campaign: Campaign, version: CampaignVersion, *, occurrence: str, by: str, as_of: datetime, missed: str = ""
) -> Run:
    """The run of that occurrence, made now if it was not before. One that the policy forbids is held; one that was
    `missed` is only recorded, and why."""
    outcome: dict[str, Any] = {}
    if missed:
        outcome = {"state": Run.State.MISSED, "reason": missed, "finished_at": as_of}
    elif problems := checks.stopped_by(version):
        outcome = {"state": Run.State.PAUSED, "reason": f"policy: {checks.reason(problems)}"[:500]}
    elif problems := checks.unfit(version):
        outcome = {"state": Run.State.PAUSED, "reason": f"check: {checks.reason(problems)}"[:500]}
    run, made = Run.objects.get_or_create(
        campaign=campaign,
        occurrence=occurrence,
        defaults={"version": version, "launched_by": by, "as_of": as_of} | outcome,
    )
    if made:
        audit.note(
            "launch", "campaign", campaign.key, after={"run": run.pk, "version": version.number, **_outcome(run)}
        )
    if made and not outcome:
        is_transactional = version.parsed().is_transactional
        agenda.put(context.current(), "run", run.pk, is_transactional=is_transactional)
        lifecycle.move(campaign, "start")
    elif made and not missed:
        lifecycle.attempt(campaign, "pause")
    campaign.refresh_from_db()
    return run


def check_not_stopped() -> None:
    try:
        stops.check(context.current())
    except stops.Stopped as stopped:
        raise NotAllowed(str(stopped)) from stopped


def _outcome(run: Run) -> dict[str, str]:
    return {"state": run.state, "reason": run.reason} if run.reason else {}
