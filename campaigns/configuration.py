"""Stage 1. What was asked.

Reads    Campaign (its draft), Segment, Template
Writes   CampaignVersion, Run, and the agenda
Promise  what runs is a frozen version; one occurrence of a campaign runs once, whoever starts it
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from campaigns import audience, language, schedule
from campaigns.config.campaign import CampaignConfig, EventTrigger, RecurringTrigger, ScheduleTrigger, Step
from campaigns.config.gate import Invalid, Problem, content_hash, dump, parse_campaign
from campaigns.models import Campaign, CampaignVersion, Run, Template
from campaigns.schedule import Occurrence
from tenants import agenda, context
from tenants.accounts.models import User

ACTIVE_CHANNELS = ("email",)
MISSED = "it was due while nothing ran, and starting it this late is more than its grace allows"


class Conflict(ValueError):
    """Somebody else changed the campaign meanwhile: load it again and repeat your change."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class NotAllowed(ValueError):
    """The campaign or run is not in a state in which this can be done."""


def save_draft(data: Any, *, campaign: Campaign | None = None, draft_number: int | None = None) -> Campaign:
    """Create or replace a draft. `draft_number` is the one the author read: any other means a lost update.

    The draft must have the right shape, but may still refer to what does not exist: `check` and `publish` look
    at that. Raises Invalid or Conflict.
    """
    config = parse_campaign(data)
    if campaign is None:
        if Campaign.objects.filter(key=config.key).exists():
            raise Invalid([Problem("key", f"there is already a campaign {config.key!r}: choose another key", "unique")])
        return Campaign.objects.create(key=config.key, name=config.name, draft=dump(config))
    if config.key != campaign.key:
        raise Invalid([Problem("key", f"a campaign keeps its key: it is {campaign.key!r}", "immutable")])
    expected = campaign.draft_number if draft_number is None else draft_number
    changed = Campaign.objects.filter(pk=campaign.pk, draft_number=expected).update(
        name=config.name, draft=dump(config), draft_number=expected + 1
    )
    if not changed:
        raise Conflict
    campaign.refresh_from_db()
    return campaign


def check(config: CampaignConfig, *, as_of: datetime) -> list[Problem]:
    """Everything that keeps a configuration from being published, each with its field and cure."""
    problems = _check_audience(config, as_of)
    for index, step in enumerate(config.steps):
        problems += _check_step(f"steps.{index}", step)
    problems += _check_trigger(config)
    if config.timing.mode != "now":
        problems.append(_inactive("timing.mode", f"mode {config.timing.mode}", "now"))
    if config.limits.per_customer:
        problems.append(_inactive("limits.per_customer", "frequency limits", "no limit here"))
    return problems


def publish(campaign: Campaign, *, by: User | None = None, now: datetime) -> CampaignVersion:
    """Freeze the draft as the live version, and put a scheduled campaign on the agenda. Raises Invalid.

    Publishing an unchanged draft again returns the version there is.
    """
    config = parse_campaign(campaign.draft)
    problems = check(config, as_of=now)
    if problems:
        raise Invalid(problems)
    with transaction.atomic():
        locked = Campaign.objects.select_for_update().get(pk=campaign.pk)
        version = _freeze(locked, by)
        due = _next(locked, config, after=max(filter(None, [locked.looked_at, version.published_at])))
        if due and isinstance(config.trigger, ScheduleTrigger) and now - due.at > config.trigger.grace:
            cure = "choose a later time, or an api trigger to start it by hand"
            raise Invalid([Problem("trigger.at", f"{due.at:%d %B %Y %H:%M} UTC has passed: {cure}", "past")])
        if due:
            locked.state = Campaign.State.SCHEDULED
            agenda.put(context.current(), "campaign", locked.pk, due_at=due.at)
        locked.live = version
        locked.save(update_fields=["live", "state", "updated_at"])
    campaign.refresh_from_db()
    return version


def launch(
    campaign: Campaign, *, by: str, now: datetime, occurrence: str | None = None, as_of: datetime | None = None
) -> Run:
    """Start a run of the draft as it stands, publishing it first where it changed. Raises Invalid or NotAllowed.

    A campaign with a `schedule` trigger has one occurrence, whether the clock or a person starts it; any other starts
    a new run each time, or returns the run that the same `occurrence` started before.
    """
    version = publish(campaign, now=now)
    trigger = version.parsed().trigger
    if isinstance(trigger, ScheduleTrigger):
        occurrence = schedule.only_occurrence(trigger, context.current().tzinfo).key
        if campaign.runs.filter(occurrence=occurrence).exists():
            raise NotAllowed(f"{campaign.key} is scheduled once, and that run was already started.")
    return _start(campaign, version, occurrence=occurrence or f"manual:{uuid.uuid4()}", by=by, as_of=as_of or now)


def launch_due(campaign: Campaign, *, now: datetime) -> datetime | None:
    """The clock's turn: start what is due, once. Returns when the next occurrence is due, if there is one.

    What was missed by more than its grace is recorded as missed and not started.
    """
    if campaign.state in (Campaign.State.CANCELLED, Campaign.State.DRAFT) or campaign.live is None:
        return None
    config = campaign.live.parsed()
    looked = max(filter(None, [campaign.looked_at, campaign.live.published_at]))
    due = _next(campaign, config, after=looked)
    while due and due.at <= now:
        missed = now - due.at > _grace(config)
        _start(campaign, campaign.live, occurrence=due.key, by="schedule", as_of=now, missed=missed)
        looked = max(looked, due.at)
        due = _next(campaign, config, after=looked)
    Campaign.objects.filter(pk=campaign.pk).update(looked_at=looked)
    return due.at if due else None


def pause(run: Run, *, reason: str = "") -> None:
    """Stop before the next hand-over. Raises NotAllowed."""
    _move(run, {Run.State.PLANNED, Run.State.RUNNING}, Run.State.PAUSED, Campaign.State.PAUSED, reason)


def resume(run: Run) -> None:
    """Go on where a paused run stopped. Raises NotAllowed."""
    with transaction.atomic():
        _move(run, {Run.State.PAUSED}, Run.State.RUNNING, Campaign.State.RUNNING)
        agenda.put(context.current(), "run", run.pk)


def cancel(run: Run) -> None:
    """End a run for good; what was not handed over is cancelled. Raises NotAllowed."""
    with transaction.atomic():
        open_states = {Run.State.PLANNED, Run.State.RUNNING, Run.State.PAUSED}
        _move(run, open_states, Run.State.CANCELLED, Campaign.State.CANCELLED)
        agenda.put(context.current(), "run", run.pk)


def withdraw(campaign: Campaign) -> None:
    """Take a scheduled campaign off the clock; publishing puts it back. Raises NotAllowed."""
    with transaction.atomic():
        changed = Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.SCHEDULED).update(
            state=Campaign.State.CANCELLED
        )
        if not changed:
            raise NotAllowed(f"{campaign.key!r} is {campaign.state}: there is nothing to cancel.")
        agenda.drop(context.current(), "campaign", [campaign.pk])
    campaign.refresh_from_db()


def fail(run: Run, *, reason: str, now: datetime) -> None:
    """The run cannot be carried out as configured."""
    Run.objects.filter(pk=run.pk).update(state=Run.State.FAILED, reason=reason[:500], finished_at=now)
    Campaign.objects.filter(pk=run.campaign_id).update(state=Campaign.State.DRAFT)
    run.refresh_from_db()


def finish(run: Run, *, now: datetime) -> None:
    """The run has nothing left to do."""
    done = Run.objects.filter(pk=run.pk, state__in=[Run.State.PLANNED, Run.State.RUNNING]).update(
        state=Run.State.COMPLETED, finished_at=now
    )
    if done and not Run.objects.open().filter(campaign_id=run.campaign_id).exists():
        recurs = isinstance(run.version.parsed().trigger, RecurringTrigger)
        after = Campaign.State.SCHEDULED if recurs else Campaign.State.COMPLETED
        Campaign.objects.filter(pk=run.campaign_id, state=Campaign.State.RUNNING).update(state=after)
    run.refresh_from_db()


def _check_audience(config: CampaignConfig, as_of: datetime) -> list[Problem]:
    problems: list[Problem] = []
    for field, rule in (("audience.include", config.audience.include), ("audience.exclude", config.audience.exclude)):
        if rule is None:
            continue
        try:
            audience.compile_rule(rule, as_of=as_of)
        except Invalid as invalid:
            problems += [Problem(f"{field}.{p.field}".rstrip("."), p.message, p.code) for p in invalid.problems]
    return problems


def _check_trigger(config: CampaignConfig) -> list[Problem]:
    if isinstance(config.trigger, EventTrigger):
        return [_inactive("trigger.kind", "event triggers", "schedule, recurring or api")]
    if isinstance(config.trigger, RecurringTrigger):
        try:
            schedule.check_rule(config.trigger)
        except ValueError as error:
            return [Problem("trigger.rrule", str(error), "rrule")]
    return []


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


def _check_step(path: str, step: Step) -> list[Problem]:
    if step.channel not in ACTIVE_CHANNELS:
        return [_inactive(f"{path}.channel", f"channel {step.channel}", " or ".join(ACTIVE_CHANNELS))]
    problems = _check_template(path, step)
    if step.when:
        problems.append(_inactive(f"{path}.when", "conditions on earlier steps", "a step without `when`"))
    if step.optimise and step.optimise.method != "fixed":
        problems.append(_inactive(f"{path}.optimise.method", f"method {step.optimise.method}", "fixed"))
    return problems


def _check_template(path: str, step: Step) -> list[Problem]:
    template = Template.objects.select_related("live").filter(key=step.template).first()
    if template is None:
        known = ", ".join(Template.objects.order_by("key").values_list("key", flat=True)[:20]) or "none yet"
        return [Problem(f"{path}.template", f"there is no template {step.template!r}; known: {known}", "unknown")]
    if template.live is None:
        return [Problem(f"{path}.template", f"template {step.template!r} is not published yet: publish it", "draft")]
    problems: list[Problem] = []
    for index, variant in enumerate(step.variants):
        if not (variant.subject or template.live.subject):
            problems.append(
                Problem(f"{path}.variants.{index}.subject", "neither variant nor template has one", "blank")
            )
        sources = {
            "subject": variant.subject or template.live.subject,
            "html": template.live.html,
            "text": template.live.text,
        }
        for part, source in sources.items():
            problems += [
                Problem(
                    f"{path}.variants.{index}.{'subject' if part == 'subject' else 'content'}",
                    mistake.message,
                    "template",
                )
                for mistake in language.mistakes(source, content=variant.content)
            ]
    return problems


def _inactive(field: str, what: str, cure: str) -> Problem:
    return Problem(field, f"{what} cannot run yet: use {cure}", "not_active")


def _freeze(campaign: Campaign, by: User | None) -> CampaignVersion:
    digest = content_hash(campaign.draft)
    if campaign.live and campaign.live.content_hash == digest:
        return campaign.live
    number = campaign.versions.count() + 1
    return campaign.versions.create(number=number, config=campaign.draft, content_hash=digest, published_by=by)


@transaction.atomic
def _start(
    campaign: Campaign, version: CampaignVersion, *, occurrence: str, by: str, as_of: datetime, missed: bool = False
) -> Run:
    outcome: dict[str, Any] = {}
    if missed:
        outcome = {"state": Run.State.MISSED, "reason": MISSED, "finished_at": as_of}
    run, made = Run.objects.get_or_create(
        campaign=campaign,
        occurrence=occurrence,
        defaults={"version": version, "launched_by": by, "as_of": as_of} | outcome,
    )
    if made and not missed:
        agenda.put(context.current(), "run", run.pk)
        Campaign.objects.filter(pk=campaign.pk).update(state=Campaign.State.RUNNING)
    campaign.refresh_from_db()
    return run


@transaction.atomic
def _move(run: Run, before: set[Run.State], after: Run.State, campaign_state: Campaign.State, reason: str = "") -> None:
    if not Run.objects.filter(pk=run.pk, state__in=before).update(state=after, reason=reason[:500]):
        run.refresh_from_db()
        raise NotAllowed(f"Run {run.pk} is {run.state}; this needs it to be {' or '.join(sorted(before))}.")
    Campaign.objects.filter(pk=run.campaign_id).update(state=campaign_state)
    run.refresh_from_db()
