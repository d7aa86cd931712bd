"""A run counted: its messages by everything that a report asks for, its links, and those reached beside those held out.

Reads    Message, Signal, Member, Event, Customer, Run
Writes   Tally, LinkTally, Result
Promise  each table is counted by one statement from the rows themselves: counted again, it is the same, and every
         number of a report is a sum over these

A goal event counts for the last message that reached its customer before it, of whichever campaign, if that was sent
within the campaign's window (last touch). Beside it stand the arms: everybody who was drawn, and what they did in one
and the same window, which begins when the draw is made and ends with the last message's.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from campaigns.config.campaign import CampaignConfig
from campaigns.models import Result, Run
from delivery import humans
from tenants import agenda, context

AGENDA_KIND = "tally"
DOMAINS = 50  # of receivers that are told apart; the others are `other`
BEFORE = timedelta(weeks=8)  # of a person's past, for the lift
SOONEST, LATEST = timedelta(seconds=15), timedelta(hours=6)  # between two counts of a run
LEISURE = 20  # times what a count takes passes before the next
SIGNALS_COME = timedelta(days=30)  # after the last message: what comes later is kept and counted only when asked for


def begin(run: Run) -> None:
    """From now on it is counted now and then, until nothing more is to come."""
    agenda.put_missing(context.current(), AGENDA_KIND, [run.pk])


def advance(run_id: int, *, now: datetime) -> datetime | None:
    """Count a run. Returns when to count it again."""
    run = Run.objects.select_related("version").get(pk=run_id)
    result = count(run, now=now)
    ends = (run.finished_at or now) + max(SIGNALS_COME, _within(run.version.parsed()))
    if now > ends:
        return None
    age = now - run.started_at
    return now + max(SOONEST, min(age / LEISURE, LATEST), timedelta(seconds=LEISURE * result.seconds))


@transaction.atomic
def count(run: Run, *, now: datetime) -> Result:
    begun = time.monotonic()
    config = run.version.parsed()
    goal, within = config.goal, _within(config)
    with connection.cursor() as cursor:
        params: dict[str, Any] = {
            "run": run.pk,
            "human": humans.HUMAN,
            "domains": DOMAINS,
            "goal": goal.event if goal else "",
            "within": within,
            "now": now,
        }
        cursor.execute(_LOCK, [run.pk % 2**31])
        cursor.execute("DELETE FROM campaigns_tally WHERE run_id = %(run)s", params)
        cursor.execute(_TALLIES, params)
        cursor.execute("DELETE FROM campaigns_linktally WHERE run_id = %(run)s", params)
        cursor.execute(_LINKS, params)
        until, arms = _arms(cursor, run, params) if goal and run.evaluated_at else (None, None)
    seconds = time.monotonic() - begun
    values = {"as_of": now, "seconds": seconds, "counts_until": until, "arms": arms}
    return Result.objects.update_or_create(run=run, defaults=values)[0]


def _arms(cursor: Any, run: Run, params: dict[str, Any]) -> tuple[datetime, dict[str, Any]]:
    begins = run.evaluated_at
    assert begins is not None
    until = (run.finished_at or params["now"]) + params["within"]
    cursor.execute(_ARMS, params | {"begins": begins, "until": until, "before": begins - BEFORE})
    names = [column.name for column in cursor.description][1:]
    found = {row[0]: dict(zip(names, map(float, row[1:]), strict=True)) for row in cursor.fetchall()}
    empty = dict.fromkeys(names, 0.0)
    return until, {arm: found.get(arm, empty) for arm in ("reached", "held_out")}


def _within(config: CampaignConfig) -> timedelta:
    return config.goal.within if config.goal else timedelta()


_LOCK = "SELECT pg_advisory_xact_lock(hashtext('tally/' || current_schema()), %s)"  # of this retailer's run alone
_TALLIES = """
WITH told AS (
    SELECT message_id,
        bool_or(kind = 'open' AND human >= %(human)s) AS opened,
        bool_or(kind = 'open' AND human < %(human)s) AS fetched,
        bool_or(kind = 'click' AND human >= %(human)s) AS clicked,
        bool_or(kind = 'click' AND human < %(human)s) AS followed,
        bool_or(kind = 'unsubscribe') AS unsubscribed,
        bool_or(kind = 'complaint') AS complained
    FROM delivery_signal WHERE run_id = %(run)s GROUP BY message_id
), goals AS (
    SELECT DISTINCT ON (event.id) message.id AS message_id, event.value
    FROM delivery_message message
    JOIN campaigns_event event ON event.customer_id = message.customer_id AND event.name = %(goal)s
        AND event.occurred_at > message.settled_at AND event.occurred_at <= message.settled_at + %(within)s
    WHERE message.run_id = %(run)s AND %(goal)s <> '' AND message.state IN ('accepted', 'delivered')
        AND NOT EXISTS (
            SELECT FROM delivery_message later
            WHERE later.customer_id = message.customer_id AND later.state IN ('accepted', 'delivered')
                AND (later.settled_at, later.id) > (message.settled_at, message.id)
                AND later.settled_at < event.occurred_at)
    ORDER BY event.id, message.settled_at DESC, message.id DESC
), brought AS (
    SELECT message_id, coalesce(sum(value), 0) AS revenue FROM goals GROUP BY message_id
), written AS (
    SELECT message.id, message.step, coalesce(batch.wave, 0) AS wave, message.variant, message.channel,
        message.provider, message.state,
        date_trunc('hour', coalesce(message.settled_at, message.send_at), 'UTC') AS hour,
        CASE message.channel WHEN 'email' THEN coalesce(split_part(customer.email, '@', 2), '') ELSE '' END AS domain
    FROM delivery_message message
    LEFT JOIN delivery_batch batch ON batch.id = message.batch_id
    LEFT JOIN campaigns_customer customer ON customer.id = message.customer_id
    WHERE message.run_id = %(run)s
), known AS (
    SELECT domain FROM written GROUP BY domain ORDER BY count(*) DESC, domain LIMIT %(domains)s
)
INSERT INTO campaigns_tally (run_id, step, wave, variant, channel, provider, domain, hour, state, messages, opened,
    opened_by_machine, clicked, clicked_by_machine, unsubscribed, complained, converted, revenue)
SELECT %(run)s, step, wave, variant, channel, provider, coalesce(known.domain, 'other'), hour, state, count(*),
    count(*) FILTER (WHERE opened), count(*) FILTER (WHERE fetched AND NOT opened),
    count(*) FILTER (WHERE clicked), count(*) FILTER (WHERE followed AND NOT clicked),
    count(*) FILTER (WHERE unsubscribed), count(*) FILTER (WHERE complained),
    count(brought.message_id), least(coalesce(sum(revenue), 0), 99999999999999)
FROM written
LEFT JOIN known USING (domain)
LEFT JOIN told ON told.message_id = written.id
LEFT JOIN brought ON brought.message_id = written.id
GROUP BY step, wave, variant, channel, provider, coalesce(known.domain, 'other'), hour, state
"""
_LINKS = """
INSERT INTO campaigns_linktally (run_id, step, variant, template_hash, link, clicks, messages, clicks_by_machine)
SELECT %(run)s, message.step, message.variant, message.template_hash, signal.link,
    count(*) FILTER (WHERE signal.human >= %(human)s),
    count(DISTINCT message.id) FILTER (WHERE signal.human >= %(human)s),
    count(*) FILTER (WHERE signal.human < %(human)s)
FROM delivery_signal signal JOIN delivery_message message ON message.id = signal.message_id
WHERE signal.run_id = %(run)s AND signal.kind = 'click' AND signal.link > 0
GROUP BY message.step, message.variant, message.template_hash, signal.link
"""
# Drawn to be reached are those who were, and those whom the limits then left out: the draw was before the limits.
_ARMS = """
WITH drawn AS (
    SELECT customer_id, CASE WHEN reason = 'holdout' THEN 'held_out' ELSE 'reached' END AS arm
    FROM campaigns_member WHERE run_id = %(run)s AND (is_included OR reason IN ('holdout', 'capped'))
), did AS (
    SELECT customer_id,
        count(*) FILTER (WHERE occurred_at > %(begins)s) AS times,
        coalesce(sum(value) FILTER (WHERE occurred_at > %(begins)s), 0) AS y,
        coalesce(sum(value) FILTER (WHERE occurred_at <= %(begins)s), 0) AS x
    FROM campaigns_event
    WHERE name = %(goal)s AND occurred_at > %(before)s AND occurred_at <= %(until)s
        AND customer_id IN (SELECT customer_id FROM drawn)
    GROUP BY customer_id
)
SELECT arm, count(*) AS people, count(*) FILTER (WHERE times > 0) AS converted,
    coalesce(sum(y), 0) AS y, coalesce(sum(y * y), 0) AS yy,
    coalesce(sum(x), 0) AS x, coalesce(sum(x * x), 0) AS xx, coalesce(sum(x * y), 0) AS xy
FROM drawn LEFT JOIN did USING (customer_id) GROUP BY arm
"""
