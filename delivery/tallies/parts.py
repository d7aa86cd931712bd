"""A slice of a run's messages counted: those of so many batches, in the order in which batches were made.

Batches are only ever added behind, so that a slice holds the same messages each time it is counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import connection

from campaigns.compiler import Sql
from campaigns.config.campaign import CampaignConfig
from campaigns.models import Counting, Run
from delivery import humans

BATCHES = 100  # of a slice: 50,000 messages
DOMAINS = 50  # of receivers that are told apart; the others are `other`
TABLES = ("campaigns_tally", "campaigns_segmenttally", "campaigns_linktally")


def domains(run: Run) -> list[str]:
    """Those that most of the run's mail goes to."""
    with connection.cursor() as cursor:
        cursor.execute(_DOMAINS, [run.pk, DOMAINS])
        return [domain for (domain,) in cursor.fetchall()]


def people(counting: Counting) -> Sql:
    """A query of whom the messages of the slice go to."""
    batches = _batches(counting)
    return Sql("SELECT DISTINCT customer_id FROM delivery_message WHERE batch_id = ANY(%s::bigint[])", (batches,))


def count(counting: Counting, config: CampaignConfig, *, own: str) -> bool:
    """Whether it was the last. `own` is the currency of amounts that name none."""
    batches, part = _batches(counting), counting.part
    is_last = len(batches) < BATCHES
    params: dict[str, Any] = {
        "run": counting.run_id,
        "part": part,
        "batches": batches,
        "human": humans.HUMAN,
        "domains": counting.domains,
        "segments": counting.segments,
        "goal": config.goal.event if config.goal else "",
        "within": config.goal.within if config.goal else timedelta(),
        "own": own,
    }
    with connection.cursor() as cursor:
        for table in TABLES:
            gone = f"DELETE FROM {table} WHERE run_id = %s AND part {'>=' if is_last else '='} %s"
            cursor.execute(gone, [counting.run_id, part])
        if batches:
            cursor.execute(_MESSAGES, params)
            cursor.execute(_LINKS, params)
    return is_last


def _batches(counting: Counting) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_BATCHES, [counting.run_id, BATCHES * (counting.part or 0), BATCHES])
        return [pk for (pk,) in cursor.fetchall()]


def _inserted(table: str, columns: Iterable[str], of: str) -> str:
    """One row for messages that are alike, and one for each currency of what they brought. `of` is a query of
    messages by `counted.id`, with these columns."""
    names = ", ".join(columns)
    return f"""
INSERT INTO {table} (run_id, part, {names}, state, currency, messages, opened, opened_by_machine, clicked,
    clicked_by_machine, unsubscribed, complained, converted, amounts, revenue)
SELECT %(run)s, %(part)s, {names}, state, '', count(*), count(*) FILTER (WHERE opened),
    count(*) FILTER (WHERE fetched AND NOT opened), count(*) FILTER (WHERE clicked),
    count(*) FILTER (WHERE followed AND NOT clicked), count(*) FILTER (WHERE unsubscribed),
    count(*) FILTER (WHERE complained), count(*) FILTER (WHERE converted), 0, 0
FROM {of} GROUP BY {names}, state
UNION ALL
SELECT %(run)s, %(part)s, {names}, state, currency, 0, 0, 0, 0, 0, 0, 0, 0, sum(amounts)::int,
    greatest(least(sum(revenue), 99999999999999), -99999999999999)
FROM {of} JOIN brought ON brought.message_id = counted.id GROUP BY {names}, state, currency
"""


_BATCHES = "SELECT id FROM delivery_batch WHERE run_id = %s ORDER BY id OFFSET %s LIMIT %s"
_DOMAINS = """
SELECT split_part(customer.email, '@', 2) AS domain
FROM delivery_message message JOIN campaigns_customer customer ON customer.id = message.customer_id
WHERE message.run_id = %s AND message.channel = 'email'
GROUP BY domain ORDER BY count(*) DESC, domain LIMIT %s
"""
# Of two messages of one run before an event the later one is credited: for the earlier, that is another's touch.
_COUNTED = """
WITH written AS MATERIALIZED (
    SELECT message.id, message.customer_id, message.step, batch.wave, message.variant, message.channel,
        message.provider, message.state, message.settled_at,
        date_trunc('hour', coalesce(message.settled_at, message.send_at), 'UTC') AS hour,
        CASE message.channel WHEN 'email' THEN coalesce(split_part(customer.email, '@', 2), '') ELSE '' END AS domain
    FROM delivery_message message
    JOIN delivery_batch batch ON batch.id = message.batch_id
    LEFT JOIN campaigns_customer customer ON customer.id = message.customer_id
    WHERE message.batch_id = ANY(%(batches)s::bigint[]) AND message.run_id = %(run)s
), told AS (
    SELECT message_id,
        bool_or(kind = 'open' AND human >= %(human)s) AS opened,
        bool_or(kind = 'open' AND human < %(human)s) AS fetched,
        bool_or(kind = 'click' AND human >= %(human)s) AS clicked,
        bool_or(kind = 'click' AND human < %(human)s) AS followed,
        bool_or(kind = 'unsubscribe') AS unsubscribed,
        bool_or(kind = 'complaint') AS complained
    FROM delivery_signal WHERE message_id IN (SELECT id FROM written) GROUP BY message_id
), goals AS MATERIALIZED (
    SELECT message.id AS message_id, coalesce(nullif(event.currency, ''), %(own)s) AS currency, event.value
    FROM written message
    JOIN campaigns_event event ON event.customer_id = message.customer_id AND event.name = %(goal)s
        AND event.occurred_at > message.settled_at AND event.occurred_at <= message.settled_at + %(within)s
    WHERE %(goal)s <> '' AND message.state IN ('accepted', 'delivered')
        AND NOT EXISTS (
            SELECT FROM delivery_message later
            WHERE later.customer_id = message.customer_id AND later.state IN ('accepted', 'delivered')
                AND (later.settled_at, later.id) > (message.settled_at, message.id)
                AND later.settled_at < event.occurred_at)
), brought AS (
    SELECT message_id, currency, count(*) AS amounts, sum(value) AS revenue
    FROM goals WHERE value IS NOT NULL GROUP BY message_id, currency
), counted AS MATERIALIZED (
    SELECT written.id, customer_id, step, wave, variant, channel, provider, hour, state,
        CASE WHEN domain = '' OR domain = ANY(%(domains)s::text[]) THEN domain ELSE 'other' END AS domain,
        coalesce(opened, FALSE) AS opened, fetched, coalesce(clicked, FALSE) AS clicked, followed, unsubscribed,
        complained, reached.message_id IS NOT NULL AS converted
    FROM written
    LEFT JOIN told ON told.message_id = written.id
    LEFT JOIN (SELECT DISTINCT message_id FROM goals) reached ON reached.message_id = written.id
), placed AS (
    SELECT counted.id, named.segment
    FROM counted
    JOIN campaigns_placement placement ON placement.run_id = %(run)s AND placement.customer_id = counted.customer_id
    JOIN unnest(%(segments)s::text[]) WITH ORDINALITY AS named(segment, place)
        ON (placement.segments >> (named.place - 1)::int) & 1 = 1
    UNION ALL
    SELECT counted.id, ''
    FROM counted LEFT JOIN campaigns_placement placement
        ON placement.run_id = %(run)s AND placement.customer_id = counted.customer_id
    WHERE coalesce(placement.segments, 0) = 0 AND cardinality(%(segments)s::text[]) > 0
), of_segments AS (
"""
_TOLD_APART = ("step", "wave", "variant", "channel", "provider", "domain", "hour")
_MESSAGES = (
    _COUNTED
    + _inserted("campaigns_segmenttally", ["segment"], "counted JOIN placed ON placed.id = counted.id")
    + ")"
    + _inserted("campaigns_tally", _TOLD_APART, "counted")
)
_LINKS = """
INSERT INTO campaigns_linktally (run_id, part, step, variant, template_hash, link, clicks, messages, clicks_by_machine)
SELECT %(run)s, %(part)s, message.step, message.variant, message.template_hash, signal.link,
    count(*) FILTER (WHERE signal.human >= %(human)s),
    count(DISTINCT message.id) FILTER (WHERE signal.human >= %(human)s),
    count(*) FILTER (WHERE signal.human < %(human)s)
FROM delivery_message message JOIN delivery_signal signal ON signal.message_id = message.id
WHERE message.batch_id = ANY(%(batches)s::bigint[]) AND message.run_id = %(run)s
    AND signal.kind = 'click' AND signal.link > 0
GROUP BY message.step, message.variant, message.template_hash, signal.link
"""
