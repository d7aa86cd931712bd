"""Publishing: the draft, resolved and inside the policy, frozen as the version that runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from campaigns import arrivals, checks, lifecycle, resolution, reviews
from campaigns.config import layers
from campaigns.config.campaign import CampaignConfig, EventTrigger, ScheduleTrigger
from campaigns.config.gate import Invalid, Problem, content_hash
from campaigns.config.layers import Resolved
from campaigns.config.policy import Policy
from campaigns.configuration.occurrences import next_of
from campaigns.lifecycle import NotAllowed
from campaigns.models import Campaign, CampaignVersion, Run
from tenants import acting, agenda, audit, changes, context
from tenants.accounts.models import User

COPY = ("name", "steps")  # what a version may change of a run that is under way; of steps only what they say


def check(config: CampaignConfig, *, as_of: datetime, policy: Policy | None = None) -> list[Problem]:
    """Everything that keeps a configuration from being published, each with its field and cure."""
    return checks.check(config, as_of=as_of, policy=policy)


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
    if campaign.live and campaign.live.config["trigger"] != version.config["trigger"]:
        arrivals.follow(campaign, config.trigger)
    if isinstance(config.trigger, EventTrigger):
        lifecycle.attempt(campaign, "schedule")
        _put_when(campaign, arrivals.earliest(arrivals.waiting(campaign, config.trigger)))
        return
    due = next_of(campaign, config, after=max(filter(None, [campaign.looked_at, version.published_at])))
    if due is None:
        return
    if isinstance(config.trigger, ScheduleTrigger) and now - due.at > config.trigger.grace:
        cure = "choose a later time, or an api trigger to start it by hand"
        raise Invalid([Problem("trigger.at", f"{due.at:%d %B %Y %H:%M} UTC has passed: {cure}", "past")])
    lifecycle.attempt(campaign, "schedule")
    _put_when(campaign, due.at)


def _put_when(campaign: Campaign, due_at: datetime | None) -> None:
    if due_at and campaign.state != Campaign.State.PAUSED:  # resuming puts it back
        agenda.put(context.current(), "campaign", campaign.pk, due_at=due_at)


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
