"""What somebody did meets a campaign that waits for it.

Reads    Campaign and its live version, Event
Writes   Arrival, and the agenda
Promise  an event reaches a campaign once, with the transaction that stores it, and becomes part of one run
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, DateTimeField, ExpressionWrapper, Max, Min, OuterRef, QuerySet, Subquery

from campaigns import compiler
from campaigns.compiler import Sql
from campaigns.config.campaign import EventTrigger, Trigger
from campaigns.models import Arrival, Campaign, Event, Run
from tenants import agenda, context

GATHER = timedelta(seconds=30)  # between two runs of a campaign: a burst of events is one run, not thousands
OCCURRENCE = "events:"  # how the occurrence of a run begins that has arrivals
AWAKE = (Campaign.State.SCHEDULED, Campaign.State.RUNNING)
LISTENING = (*AWAKE, Campaign.State.PAUSED)  # what happens in a pause is sent after it, within the grace

# Asked with every call of ingest, hence so short.
_LISTENERS = """
SELECT c.id, (v.config -> 'trigger')::text, c.looked_at
  FROM campaigns_campaign c JOIN campaigns_campaignversion v ON v.id = c.live_id
 WHERE c.state = ANY(%s) AND v.config -> 'trigger' ->> 'kind' = 'event' AND v.config -> 'trigger' ->> 'name' = ANY(%s)
"""

_ARRIVE = """
WITH listener AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(listeners)s) AS l(
        campaign_id bigint, name varchar, delay double precision, grace double precision)
), arrived AS (
    INSERT INTO campaigns_arrival (campaign_id, event_id, customer_id, due_at)
    SELECT l.campaign_id, e.id, e.customer_id, e.occurred_at + make_interval(secs => l.delay)
      FROM campaigns_event e JOIN listener l ON l.name = e.name
     WHERE e.event_id = ANY(%(event_ids)s)
       AND e.occurred_at + make_interval(secs => l.delay) + make_interval(secs => l.grace) >= %(now)s
    ON CONFLICT (campaign_id, event_id) DO NOTHING
    RETURNING campaign_id, due_at
)
SELECT campaign_id, min(due_at) FROM arrived GROUP BY campaign_id ORDER BY campaign_id
"""


@dataclass(frozen=True)
class Listener:
    """A campaign that waits for an event. `free_at` is when it may begin its next run; None: at once."""

    campaign_id: int
    trigger: EventTrigger
    free_at: datetime | None


def listeners(names: Collection[str]) -> list[Listener]:
    """The campaigns that events of these names set off."""
    with connection.cursor() as cursor:
        cursor.execute(_LISTENERS, [[str(state) for state in LISTENING], list(names)])
        rows = cursor.fetchall()
    return [Listener(pk, EventTrigger.model_validate_json(trigger), free_at(looked)) for pk, trigger, looked in rows]


def arrive(event_ids: Sequence[str], listening: Sequence[Listener], *, now: datetime) -> bool:
    """Let events just stored reach the campaigns that listen, and put those on the agenda.

    Only what can still be sent within its grace arrives: importing years of history sets nothing off. Returns whether
    something is due already. Belongs in the transaction that stores the events.
    """
    given = [
        {
            "campaign_id": each.campaign_id,
            "name": each.trigger.name,
            "delay": _delay(each.trigger).total_seconds(),
            "grace": each.trigger.grace.total_seconds(),
        }
        for each in listening
    ]
    with connection.cursor() as cursor:
        cursor.execute(_ARRIVE, {"listeners": json.dumps(given), "event_ids": list(event_ids), "now": now})
        earliest = cursor.fetchall()
    held = {each.campaign_id: each.free_at for each in listening}
    due = {campaign_id: max(due_at, held[campaign_id] or due_at) for campaign_id, due_at in earliest}
    for campaign_id, due_at in due.items():  # in the order of their ids: two calls never lock each other out
        agenda.put(context.current(), "campaign", campaign_id, due_at=due_at)
    return any(due_at <= now for due_at in due.values())


def free_at(looked_at: datetime | None) -> datetime | None:
    """When a campaign whose last run began at `looked_at` may begin another."""
    return looked_at + GATHER if looked_at else None


def waiting(campaign: Campaign, trigger: EventTrigger) -> QuerySet[Arrival]:
    """Who no run has taken up yet."""
    return Arrival.objects.filter(campaign=campaign, run=None, event__name=trigger.name)


def earliest(found: QuerySet[Arrival]) -> datetime | None:
    due_at: datetime | None = found.aggregate(earliest=Min("due_at"))["earliest"]
    return due_at


def occurrence(found: QuerySet[Arrival]) -> str | None:
    """The name of the run that these make up, after the newest of them; None when there are none."""
    newest = found.aggregate(newest=Max("pk"))["newest"]
    return f"{OCCURRENCE}{newest}" if newest else None


def people(found: QuerySet[Arrival]) -> str:
    """How many people these are, in words."""
    number = found.aggregate(people=Count("customer", distinct=True))["people"]
    return f"{number} {'person' if number == 1 else 'people'}"


def has_arrivals(run: Run) -> bool:
    """Whether events set the run off; everybody can be in any other."""
    return run.occurrence.startswith(OCCURRENCE)


def customers(run: Run) -> Sql:
    """A query of the customers whose events set the run off; any other run is of EVERYBODY."""
    if not has_arrivals(run):
        return compiler.EVERYBODY
    return Sql("SELECT arrival.customer_id FROM campaigns_arrival arrival WHERE arrival.run_id = %s", (run.pk,))


def follow(campaign: Campaign, trigger: Trigger) -> None:
    """A changed trigger: who waits for its event waits by its delay now, and who waits for another does no longer."""
    left = Arrival.objects.filter(campaign=campaign, run=None)
    if not isinstance(trigger, EventTrigger):
        left.delete()
        return
    left.exclude(event__name=trigger.name).delete()
    happened = Subquery(Event.objects.filter(pk=OuterRef("event_id")).values("occurred_at"))
    left.update(due_at=ExpressionWrapper(happened + _delay(trigger), output_field=DateTimeField()))


def _delay(trigger: EventTrigger) -> timedelta:
    return trigger.delay or timedelta()
