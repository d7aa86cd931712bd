"""When a campaign comes next by the clock, and what is too late. Reads its runs; writes nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

from campaigns import schedule
from campaigns.config.campaign import ApiTrigger, CampaignConfig, RecurringTrigger, ScheduleTrigger
from campaigns.models import Campaign
from campaigns.schedule import Occurrence
from tenants import context

MISSED = "it was due while nothing ran, and starting it this late is more than its grace allows"
OVERTAKEN = "it was due while nothing ran, and so was a later time, which runs in its stead"


def next_of(campaign: Campaign, config: CampaignConfig, *, after: datetime) -> Occurrence | None:
    """What the clock starts next: the one occurrence of a schedule, or a recurrence's first later than `after`."""
    zone = context.current().tzinfo
    if isinstance(config.trigger, ScheduleTrigger):
        only = schedule.only_occurrence(config.trigger, zone)
        return None if campaign.runs.filter(occurrence=only.key).exists() else only
    if isinstance(config.trigger, RecurringTrigger):
        return schedule.next_occurrence(config.trigger, zone, after=after)
    return None


def following_of(campaign: Campaign, config: CampaignConfig, due: Occurrence) -> Occurrence | None:
    return next_of(campaign, config, after=due.at) if isinstance(config.trigger, RecurringTrigger) else None


def why_missed(due: Occurrence, following: Occurrence | None, config: CampaignConfig, now: datetime) -> str:
    """Why what is due is not started any more; empty where it is."""
    if now - due.at > _grace(config):
        return MISSED
    return OVERTAKEN if following and following.at <= now else ""


def _grace(config: CampaignConfig) -> timedelta:
    return timedelta.max if isinstance(config.trigger, ApiTrigger) else config.trigger.grace
