"""Other campaigns that reach the same people at about the same time, and what the limits would do to them.

Counted for campaigns with a time: under way, or due within the longest period that a limit looks back, or a week.
Campaigns that wait for an event are not: nobody knows whose.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from campaigns import audience, configuration
from campaigns.compiler import NOBODY, Sql, joined
from campaigns.config.campaign import CampaignConfig, PerCustomer
from campaigns.config.gate import Invalid
from campaigns.models import Campaign, Run
from delivery import caps
from delivery.preflight.asking import Asked, rows
from delivery.preflight.timing import begin

AHEAD = timedelta(days=7)
SECONDS = 15.0  # for each of them
MOST = 10  # counted, the soonest first
_DUE = (Campaign.State.SCHEDULED, Campaign.State.RUNNING)


@dataclass(frozen=True)
class Other:
    """A campaign that is due, or whose run is under way."""

    campaign: Campaign
    config: CampaignConfig
    due_at: datetime
    run: Run | None = None


def of(campaign: Campaign, asked: Asked) -> dict[str, Any]:
    mine = begin(asked, campaign)
    found = sorted(_others(campaign, asked, mine), key=lambda other: (other.due_at, other.campaign.pk))
    return {
        "collisions": [told for other in found[:MOST] if (told := _told(asked, mine, other))["in_common"]],
        "more": max(0, len(found) - MOST),
    }


def _others(campaign: Campaign, asked: Asked, mine: datetime) -> Iterator[Other]:
    ahead = max([AHEAD, *(limit.per for limit in asked.limits)])
    under_way = Run.objects.open().filter(evaluated_at__isnull=False).exclude(campaign=campaign)
    running = {run.campaign_id: run for run in under_way.select_related("campaign", "version").order_by("pk")}
    for run in running.values():
        yield Other(run.campaign, run.version.parsed(), run.started_at, run)
    due = Campaign.objects.filter(state__in=_DUE, live__isnull=False).exclude(pk__in=[campaign.pk, *running])
    for other in due.select_related("live"):
        config = other.live.parsed() if other.live else None
        next_one = configuration.next_of(other, config, after=asked.now) if config else None
        if config and next_one and abs(next_one.at - mine) <= ahead:
            yield Other(other, config, max(next_one.at, asked.now))


def _told(asked: Asked, mine: datetime, other: Other) -> dict[str, Any]:
    is_later = other.due_at > mine  # whose messages the limits would hold back
    try:
        theirs = _theirs(asked, other)
    except Invalid:  # a segment of theirs is gone: it will fail by itself
        theirs = Sql("SELECT NULL::bigint AS customer_id WHERE FALSE")
    over = _over(asked, mine, other, is_later=is_later)
    counted = f"""
        SELECT count(*), count(*) FILTER (WHERE {over.text}) FROM ({asked.chosen.text}) f
        WHERE f.reason = '' AND f.customer_id IN ({theirs.text})
    """
    [(in_common, over_cap)] = rows(Sql(counted, (*over.params, *asked.chosen.params, *theirs.params)), seconds=SECONDS)
    return {
        "campaign": other.campaign.key,
        "name": other.config.name,
        "due_at": other.due_at.isoformat(),
        "is_under_way": other.run is not None,
        "in_common": in_common,
        "over_cap": over_cap,
        "later": other.campaign.key if is_later else asked.config.key,
    }


def _theirs(asked: Asked, other: Other) -> Sql:
    """A query of the people whom the other campaign includes."""
    if other.run:
        return Sql("SELECT customer_id FROM campaigns_member WHERE run_id = %s AND is_included", (other.run.pk,))
    chosen = audience.judged(other.config, as_of=asked.now, policy=asked.policy)
    return Sql(f"SELECT customer_id FROM ({chosen.text}) judged WHERE judged.reason = ''", chosen.params)


def _over(asked: Asked, mine: datetime, other: Other, *, is_later: bool) -> Sql:
    """Whether both campaigns together would give somebody more than a limit allows: the later one is held back."""
    earlier, first = (asked.config, mine) if is_later else (other.config, other.due_at)
    last = other.due_at if is_later else mine
    # What a run under way has handed over is in the ledger already; what it has not is counted with it.
    queued = other.run if not is_later else None
    parts = [
        part
        for limit in _limits(asked, other, is_later=is_later)
        if (part := _over_one(limit, asked.now, last, 0 if queued else _within(earlier, first, last, limit), queued))
    ]
    return joined(parts, " OR ") if parts else NOBODY


def _limits(asked: Asked, other: Other, *, is_later: bool) -> Sequence[PerCustomer]:
    own = other.config.limits.per_customer if is_later else asked.config.limits.per_customer
    return [*asked.policy.per_customer, *([own] if own else [])]


def _within(config: CampaignConfig, first: datetime, last: datetime, limit: PerCustomer) -> int:
    """How many messages of a campaign that begins at `first` the limit still counts at `last`."""
    due = [first + config.delay_of(step) for step in config.steps]
    return sum(last - limit.per < at <= last for at in due)


def _over_one(limit: PerCustomer, now: datetime, last: datetime, coming: int, queued: Run | None) -> Sql | None:
    """Whether a person had so many by `now`, as counted at `last`, that with those coming nothing is left."""
    left = limit.messages - coming
    if left <= 0:
        return Sql("TRUE")
    return caps.had(left, since=last - limit.per, run=queued)
