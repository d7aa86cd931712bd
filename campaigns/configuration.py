"""Stage 1. What was asked.

Reads    Campaign (its draft), the layers below it, Segment, Template, the policy in force
Writes   Campaign, CampaignVersion, Run, and the agenda
Promise  what runs is a frozen version inside the policy; one occurrence of a campaign runs once, whoever starts it
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from campaigns import checks, lifecycle, resolution, reviews, schedule
from campaigns.config import layers
from campaigns.config.campaign import CampaignConfig, EventTrigger, RecurringTrigger, ScheduleTrigger
from campaigns.config.gate import Invalid, Problem, content_hash
from campaigns.config.layers import Resolved
from campaigns.differences import Difference, differences
from campaigns.lifecycle import NotAllowed
from campaigns.models import Campaign, CampaignVersion, Run
from campaigns.schedule import Occurrence
from tenants import acting, agenda, audit, changes, context, stops
from tenants.accounts.models import User

MISSED = "it was due while nothing ran, and starting it this late is more than its grace allows"
COPY = ("name", "steps")  # what a version may change of a run that is under way; of steps only what they say


class Conflict(ValueError):
    """Somebody else changed the campaign meanwhile: load it again and repeat your change."""

    def __init__(self, by: str = "", changed: Sequence[Difference] = ()) -> None:
        self.by, self.changed = by, list(changed)
        super().__init__((self.__doc__ or "").replace("Somebody else", by or "Somebody else"))


# -- drafts ------------------------------------------------------------------------------------------------------------
@transaction.atomic
def save_draft(data: Any, *, campaign: Campaign | None = None, draft_number: int | None = None) -> Campaign:
    """Create or replace a draft. `draft_number` is the one its author read: any other means a lost update.

    The draft says what it wants to say itself; layers below fill in the rest. It must come to the right shape inside
    the policy, but may still refer to what does not exist: `checks.check` and `publish` look at that. Raises Invalid
    or Conflict.
    """
    data = resolution.pinned(data)
    resolved = resolution.resolve(data)
    config, draft = resolved.config, layers.own_part(data, resolved.config)
    if problems := checks.draft_breaches(config):
        raise Invalid(problems)
    if campaign is None:
        return _create(config, draft)
    if config.key != campaign.key:
        raise Invalid([Problem("key", f"a campaign keeps its key: it is {campaign.key!r}", "immutable")])
    expected = campaign.draft_number if draft_number is None else draft_number
    locked = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    if locked.draft_number != expected:
        raise _conflict(locked, expected)
    before = locked.draft
    locked.name, locked.draft, locked.draft_number = config.name, draft, expected + 1
    locked.authors = sorted({*locked.authors, acting.current().identity})
    locked.save(update_fields=["name", "draft", "draft_number", "authors", "updated_at"])
    if before != draft:
        reviews.void(locked, now=locked.updated_at)
        audit.note("edit", "campaign", locked.key, before=before, after=draft, number=locked.draft_number)
    campaign.refresh_from_db()
    return campaign


def restore(campaign: Campaign, number: int, *, draft_number: int | None = None) -> Campaign:
    """Make the draft what version `number` was published from. Raises Invalid or Conflict."""
    version = campaign.versions.filter(number=number).first()
    if version is None:
        latest = campaign.versions.count()
        known = f"it has 1 to {latest}" if latest else "it was never published"
        raise Invalid([Problem("version", f"{campaign.key!r} has no version {number}: {known}", "unknown")])
    return save_draft(version.draft or version.config, campaign=campaign, draft_number=draft_number)


def check(config: CampaignConfig, *, as_of: datetime) -> list[Problem]:
    """Everything that keeps a configuration from being published, each with its field and cure."""
    return checks.check(config, as_of=as_of)


# -- versions ----------------------------------------------------------------------------------------------------------
@transaction.atomic
def publish(
    campaign: Campaign, *, by: User | None = None, now: datetime, into_running: bool = False
) -> CampaignVersion:
    """Freeze the draft as the live version, and put a campaign with a time or an event to come on the agenda.

    With `into_running`, runs under way read the new copy from their next batch on; nothing but copy may differ.
    Publishing an unchanged draft again returns the version there is. Raises Invalid or NotAllowed.
    """
    locked = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    resolved = resolution.resolve(locked.draft)
    if problems := checks.check(resolved.config, as_of=now):
        raise Invalid(problems)
    version = _freeze(locked, resolved, by)
    if into_running:
        _read_by_open_runs(locked, version)
    _schedule(locked, version, resolved.config, now)
    locked.live, locked.authors = version, []
    locked.save(update_fields=["live", "authors", "updated_at"])
    campaign.refresh_from_db()
    return version


def launch(
    campaign: Campaign, *, by: str, now: datetime, occurrence: str | None = None, as_of: datetime | None = None
) -> Run:
    """Start a run of the draft as it stands, publishing it first where it changed. Raises Invalid or NotAllowed.

    A campaign with a `schedule` trigger has one occurrence, whether the clock or a person starts it; any other starts
    a new run each time, or returns the run that the same `occurrence` started before.
    """
    _check_not_stopped()
    version = publish(campaign, now=now)
    trigger = version.parsed().trigger
    if isinstance(trigger, ScheduleTrigger):
        occurrence = schedule.only_occurrence(trigger, context.current().tzinfo).key
        if campaign.runs.filter(occurrence=occurrence).exists():
            raise NotAllowed(f"{campaign.key} is scheduled once, and that run was already started.")
    return start(campaign, version, occurrence=occurrence or f"manual:{uuid.uuid4()}", by=by, as_of=as_of or now)


def launch_due(campaign: Campaign, *, now: datetime) -> datetime | None:
    """The clock's turn: start what is due, once. Returns when the next occurrence is due, if there is one.

    What was missed by more than its grace is recorded as missed and not started. What the policy does not allow any
    more is held, with the reason.
    """
    if campaign.state not in (Campaign.State.SCHEDULED, Campaign.State.RUNNING) or campaign.live is None:
        return None
    config = campaign.live.parsed()
    looked = max(filter(None, [campaign.looked_at, campaign.live.published_at]))
    due, run = _next(campaign, config, after=looked), None
    while due and due.at <= now:
        is_missed = now - due.at > _grace(config)
        run = start(campaign, campaign.live, occurrence=due.key, by="schedule", as_of=now, missed=is_missed)
        looked = max(looked, due.at)
        due = _next(campaign, config, after=looked)
    Campaign.objects.filter(pk=campaign.pk).update(looked_at=looked)
    if due is None and not campaign.runs.open().exists():
        lifecycle.attempt(campaign, "expire" if run and run.state == Run.State.MISSED else "complete")
    return due.at if due else None


@transaction.atomic
def start(
    campaign: Campaign, version: CampaignVersion, *, occurrence: str, by: str, as_of: datetime, missed: bool = False
) -> Run:
    """The run of that occurrence, made now if it was not before. One that the policy forbids is held."""
    outcome: dict[str, Any] = {}
    if missed:
        outcome = {"state": Run.State.MISSED, "reason": MISSED, "finished_at": as_of}
    elif problems := checks.stopped_by(version):
        outcome = {"state": Run.State.PAUSED, "reason": f"policy: {checks.reason(problems)}"[:500]}
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
        agenda.put(context.current(), "run", run.pk)
        lifecycle.move(campaign, "start")
    elif made and not missed:
        lifecycle.attempt(campaign, "pause")
    campaign.refresh_from_db()
    return run


# -- steering ----------------------------------------------------------------------------------------------------------
@transaction.atomic
def pause(run: Run, *, reason: str = "") -> None:
    """Stop before the next hand-over. Raises NotAllowed."""
    _move(run, {Run.State.PLANNED, Run.State.RUNNING}, Run.State.PAUSED, "pause", reason)
    lifecycle.attempt(run.campaign, "pause")


@transaction.atomic
def resume(run: Run) -> None:
    """Go on where a paused run stopped. Raises NotAllowed, also while the policy forbids it or sending is stopped."""
    _check_not_stopped()
    if problems := checks.stopped_by(run.version):
        raise NotAllowed(f"The policy does not allow it: {checks.reason(problems)}")
    _move(run, {Run.State.PAUSED}, Run.State.RUNNING, "resume")
    lifecycle.attempt(run.campaign, "resume")
    agenda.put(context.current(), "run", run.pk)
    _back_on_the_clock(run.campaign)


@transaction.atomic
def cancel(run: Run) -> None:
    """End a run for good; what was not handed over is cancelled. Raises NotAllowed."""
    open_states = {Run.State.PLANNED, Run.State.RUNNING, Run.State.PAUSED}
    _move(run, open_states, Run.State.CANCELLED, "cancel")
    lifecycle.attempt(run.campaign, "cancel")
    agenda.put(context.current(), "run", run.pk)


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
        _check_not_stopped()
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
    run.refresh_from_db()


# -- parts -------------------------------------------------------------------------------------------------------------
def _create(config: CampaignConfig, draft: dict[str, Any]) -> Campaign:
    if Campaign.objects.filter(key=config.key).exists():
        raise Invalid([Problem("key", f"there is already a campaign {config.key!r}: choose another key", "unique")])
    authors = [acting.current().identity]
    made = Campaign.objects.create(key=config.key, name=config.name, draft=draft, authors=authors)
    audit.note("create", "campaign", made.key, after=draft, number=1)
    return made


def _conflict(locked: Campaign, read: int) -> Conflict:
    """What others changed since draft `read`, from the audit trail."""
    later = audit.since_draft("campaign", locked.key, read)
    if not later or later[0].before is None:
        return Conflict()
    names = ", ".join(dict.fromkeys(entry.actor for entry in later))
    return Conflict(names, differences(later[0].before, locked.draft))


def _freeze(campaign: Campaign, resolved: Resolved, by: User | None) -> CampaignVersion:
    document = resolved.document
    digest = content_hash(document)
    approved = reviews.approval(campaign, resolved)
    is_needed = reviews.is_needed()
    if is_needed and approved is None:
        raise NotAllowed("The policy asks for approval: submit the draft, and let somebody else approve it.")
    live = campaign.live
    if live and live.content_hash == digest and (live.approved_by or not is_needed):
        return live
    actor = acting.current()
    version = campaign.versions.create(
        number=campaign.versions.count() + 1,
        config=document,
        draft=campaign.draft,
        provenance=dict(resolved.provenance),
        content_hash=digest,
        published_by=by,
        by=actor.name[:200],
        reason=actor.reason,
        approved_by=approved.decided_by if approved else "",
    )
    audit.note("publish", "campaign", campaign.key, after={"version": version.number, "content_hash": digest})
    changes.announce(context.current(), f"campaign {campaign.key} version {version.number}")
    return version


def _schedule(campaign: Campaign, version: CampaignVersion, config: CampaignConfig, now: datetime) -> None:
    """Put what comes by itself on the agenda."""
    if isinstance(config.trigger, EventTrigger):
        lifecycle.attempt(campaign, "schedule")
        return
    due = _next(campaign, config, after=max(filter(None, [campaign.looked_at, version.published_at])))
    if due is None:
        return
    if isinstance(config.trigger, ScheduleTrigger) and now - due.at > config.trigger.grace:
        cure = "choose a later time, or an api trigger to start it by hand"
        raise Invalid([Problem("trigger.at", f"{due.at:%d %B %Y %H:%M} UTC has passed: {cure}", "past")])
    lifecycle.attempt(campaign, "schedule")
    if campaign.state != Campaign.State.PAUSED:  # resuming puts it back
        agenda.put(context.current(), "campaign", campaign.pk, due_at=due.at)


def _read_by_open_runs(campaign: Campaign, version: CampaignVersion) -> None:
    for run in campaign.runs.open().select_related("version").exclude(version=version):
        if differing := _beyond_copy(run.version.config, version.config):
            fields = ", ".join(differing)
            raise NotAllowed(f"Only copy can change in a run that is under way; this changes {fields} as well.")
        Run.objects.filter(pk=run.pk).update(version=version)


def _beyond_copy(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The fields in which two configurations differ by more than what their messages say."""
    old, new = layers.flatten(before), layers.flatten(after)
    differing = [field for field in sorted({*old, *new}) if field not in COPY and old.get(field) != new.get(field)]
    return differing + (["steps"] if _skeleton(before) != _skeleton(after) else [])


def _skeleton(document: dict[str, Any]) -> list[Any]:
    """Steps and variants without their words."""
    return [
        {**{name: value for name, value in step.items() if name not in ("template", "variants")},
         "variants": [variant["key"] for variant in step.get("variants", [{"key": "a"}])]}
        for step in document["steps"]
    ]  # fmt: skip


def _next(campaign: Campaign, config: CampaignConfig, *, after: datetime) -> Occurrence | None:
    """What the clock starts next: the one occurrence of a schedule, or a recurrence's first later than `after`."""
    zone = context.current().tzinfo
    if isinstance(config.trigger, ScheduleTrigger):
        only = schedule.only_occurrence(config.trigger, zone)
        return None if campaign.runs.filter(occurrence=only.key).exists() else only
    if isinstance(config.trigger, RecurringTrigger):
        return schedule.next_occurrence(config.trigger, zone, after=after)
    return None


def _grace(config: CampaignConfig) -> timedelta:
    return config.trigger.grace if isinstance(config.trigger, ScheduleTrigger | RecurringTrigger) else timedelta.max


def _back_on_the_clock(campaign: Campaign) -> None:
    if campaign.live:
        agenda.put(context.current(), "campaign", campaign.pk)


def _check_not_stopped() -> None:
    try:
        stops.check(context.current())
    except stops.Stopped as stopped:
        raise NotAllowed(str(stopped)) from stopped


def _outcome(run: Run) -> dict[str, str]:
    return {"state": run.state, "reason": run.reason} if run.reason else {}


def _move(run: Run, before: set[Run.State], after: Run.State, action: str, reason: str = "") -> None:
    if not Run.objects.filter(pk=run.pk, state__in=before).update(state=after, reason=reason[:500]):
        run.refresh_from_db()
        raise NotAllowed(f"Run {run.pk} is {run.state}; this needs it to be {' or '.join(sorted(before))}.")
    run.refresh_from_db()
    audit.note(action, "run", str(run.pk), after={"campaign": run.campaign.key, "reason": reason})
