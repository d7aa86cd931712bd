"""Runs under way, and campaigns that wait: paused, resumed, cancelled, stopped, ended."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models.functions import Now

from campaigns import checks, lifecycle
from campaigns.config.campaign import EventTrigger, RecurringTrigger
from campaigns.configuration.starting import check_not_stopped
from campaigns.lifecycle import NotAllowed
from campaigns.models import Campaign, Run
from tenants import agenda, audit, context

MOST_PER_MINUTE = 10_000_000


@transaction.atomic
def pause(run: Run, *, reason: str = "") -> None:
    """Stop before the next hand-over. Raises NotAllowed."""
    _move(run, {Run.State.PLANNED, Run.State.RUNNING}, Run.State.PAUSED, "pause", reason)
    lifecycle.attempt(run.campaign, "pause")
    agenda.put(context.current(), "run", run.pk)


@transaction.atomic
def resume(run: Run) -> None:
    """Go on where a paused run stopped. Raises NotAllowed, also while the policy forbids it or sending is stopped."""
    check_not_stopped()
    if problems := checks.stopped_by(run.version):
        raise NotAllowed(f"The policy does not allow it: {checks.reason(problems)}")
    if problems := checks.unfit(run.version):
        raise NotAllowed(f"A check before launch found what must be right: {checks.reason(problems)}")
    _move(run, {Run.State.PAUSED}, Run.State.RUNNING, "resume")
    Run.objects.filter(pk=run.pk).update(guarded_from=Now())  # what made it pause was seen by whoever resumes it
    lifecycle.attempt(run.campaign, "resume")
    agenda.put(context.current(), "run", run.pk, is_transactional=run.version.parsed().is_transactional)
    _back_on_the_clock(run.campaign)


@transaction.atomic
def cancel(run: Run) -> None:
    """End a run for good; what was not handed over is cancelled. Raises NotAllowed."""
    open_states = {Run.State.PLANNED, Run.State.RUNNING, Run.State.PAUSED}
    _move(run, open_states, Run.State.CANCELLED, "cancel")
    lifecycle.attempt(run.campaign, "cancel")
    agenda.put(context.current(), "run", run.pk)


@transaction.atomic
def throttle(run: Run, per_minute: int | None) -> None:
    """At most so many messages a minute from the next hand-over on; None lets it run free. Raises NotAllowed."""
    if per_minute is not None and not 1 <= per_minute <= MOST_PER_MINUTE:
        raise NotAllowed(
            f"A throttle is 1 to {MOST_PER_MINUTE:,} messages a minute; or none, to let the run go freely."
        )
    open_states = [Run.State.PLANNED, Run.State.RUNNING, Run.State.PAUSED]
    before = Run.objects.select_for_update(no_key=True).get(pk=run.pk)
    if before.state not in open_states:
        raise NotAllowed(f"Run {run.pk} is {before.state}; this needs it to be {' or '.join(sorted(open_states))}.")
    Run.objects.filter(pk=run.pk).update(throttle=per_minute)
    run.refresh_from_db()
    told = {"campaign": run.campaign.key, "messages_per_minute": per_minute}
    audit.note("throttle", "run", str(run.pk), before={"messages_per_minute": before.throttle}, after=told)


@transaction.atomic
def stop(campaign: Campaign, *, reason: str) -> None:
    """The emergency stop of one campaign: every run of it pauses before its next hand-over, and none begins.

    Raises NotAllowed where nothing runs or is to come.
    """
    lifecycle.move(campaign, "pause")
    open_states = [Run.State.PLANNED, Run.State.RUNNING]
    campaign.runs.filter(state__in=open_states).update(state=Run.State.PAUSED, reason=reason[:500])
    agenda.drop(context.current(), "campaign", [campaign.pk])
    audit.note("stop", "campaign", campaign.key, after={"reason": reason})


@transaction.atomic
def go_on(campaign: Campaign) -> None:
    """Undo a stop: paused runs go on, and the clock looks at the campaign again. Raises NotAllowed."""
    paused = list(campaign.runs.filter(state=Run.State.PAUSED).select_related("version", "campaign"))
    for run in paused:
        resume(run)
    if not paused:
        check_not_stopped()
        lifecycle.move(campaign, "wait")
        audit.note("resume", "campaign", campaign.key)
        _back_on_the_clock(campaign)
    campaign.refresh_from_db()


@transaction.atomic
def withdraw(campaign: Campaign) -> None:
    """Take a campaign that waits for its time or event off the clock; publishing puts it back. Raises NotAllowed."""
    if campaign.runs.open().exists():
        raise NotAllowed(f"{campaign.key!r} has a run under way: cancel that.")
    try:
        lifecycle.move(campaign, "cancel")
    except NotAllowed:
        raise NotAllowed(f"{campaign.key!r} is {campaign.state}: there is nothing to cancel.") from None
    agenda.drop(context.current(), "campaign", [campaign.pk])
    audit.note("cancel", "campaign", campaign.key)
    campaign.refresh_from_db()


@transaction.atomic
def fail(run: Run, *, reason: str, now: datetime) -> None:
    """The run cannot be carried out as configured."""
    Run.objects.filter(pk=run.pk).update(state=Run.State.FAILED, reason=reason[:500], finished_at=now)
    lifecycle.attempt(run.campaign, "fail")
    audit.note("fail", "campaign", run.campaign.key, after={"run": run.pk, "reason": reason[:500]})
    run.refresh_from_db()


def finish(run: Run, *, now: datetime) -> None:
    """The run has nothing left to do."""
    done = Run.objects.filter(pk=run.pk, state__in=[Run.State.PLANNED, Run.State.RUNNING]).update(
        state=Run.State.COMPLETED, finished_at=now
    )
    if done and not Run.objects.open().filter(campaign_id=run.campaign_id).exists():
        comes_again = isinstance(run.version.parsed().trigger, RecurringTrigger | EventTrigger)
        lifecycle.attempt(run.campaign, "wait" if comes_again else "complete")
    if done:
        run.state, run.finished_at = Run.State.COMPLETED, now
    else:
        run.refresh_from_db()


def _back_on_the_clock(campaign: Campaign) -> None:
    if campaign.live:
        agenda.put(context.current(), "campaign", campaign.pk)


def _move(run: Run, before: set[Run.State], after: Run.State, action: str, reason: str = "") -> None:
    if not Run.objects.filter(pk=run.pk, state__in=before).update(state=after, reason=reason[:500]):
        run.refresh_from_db()
        raise NotAllowed(f"Run {run.pk} is {run.state}; this needs it to be {' or '.join(sorted(before))}.")
    run.refresh_from_db()
    audit.note(action, "run", str(run.pk), after={"campaign": run.campaign.key, "reason": reason})
