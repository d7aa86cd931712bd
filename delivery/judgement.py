"""Opens and clicks, judged once they have settled: did a person do it? What people did becomes events of theirs.

Reads    Signal, Link, Message, Run
Writes   Signal.human; Message, through delivery.evidence; through campaigns.ingest events `email_opened`,
         `email_clicked` and the like, which facts, rules and triggers know
Promise  every open and click is judged, a minute after it came in, together with all others of its message; only what
         a person did becomes an event, once per message and link; done twice, it is done once

Work announces itself in the agenda with the hits, so a worker that dies leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from campaigns import ingest
from delivery import evidence, humans, notices
from delivery.humans import Hit, Seen, agents, networks
from delivery.notices import Happened
from tenants import agenda
from tenants.models import Retailer

AGENDA_KIND = "judgement"
SETTLED = timedelta(seconds=60)  # after it came in: a machine's other hits have come by then
MESSAGES, HITS = 500, 100  # judged at a time; of each message: what comes after so many is nobody's
_UNJUDGED = "human IS NULL AND kind IN ('open', 'click')"
EVENTS = {
    ("email", "open"): "email_opened",
    ("email", "click"): "email_clicked",
    ("sms", "click"): "sms_clicked",
    ("push", "open"): "push_opened",
    ("push", "click"): "push_opened",
}


@dataclass(frozen=True, slots=True)
class _Row:
    signal_id: int
    message_id: int
    kind: str
    at: datetime
    link: int | None
    user_agent: str
    network: str
    is_head: bool
    sent_at: datetime
    links: int
    channel: str
    step: str
    campaign: str
    external_id: str | None


def expect(retailer: Retailer, *, now: datetime) -> None:
    """Hits have come in, in this transaction: they are judged when they have settled."""
    agenda.announce(retailer, AGENDA_KIND, 0, due_at=now + SETTLED)


def advance(retailer: Retailer, *, now: datetime) -> datetime | None:
    """Judge some of what has settled. Returns when there is more to judge."""
    with transaction.atomic():
        rows = _settled(now)
        if not rows:
            _pass_over(now)
            return _oldest_settles()
        percents = {row.signal_id: percent for row, percent in _judged(rows)}
        _write(percents, {row.message_id for row in rows})
        evidence.fold(row.message_id for row in rows)
        events = list(_events(rows, percents))
        notices.of_messages(retailer, list(_news(rows, percents)))
        if events:
            ingest.add_events(events, now=now, zone=retailer.tzinfo)
    return now


def _judged(rows: Sequence[_Row]) -> Iterable[tuple[_Row, int]]:
    for _, grouped in groupby(rows, key=lambda row: row.message_id):
        of_message = list(grouped)
        seen = Seen(of_message[0].sent_at, of_message[0].links, [_hit(row) for row in of_message])
        yield from zip(of_message, humans.judge(seen), strict=True)


def _hit(row: _Row) -> Hit:
    return Hit(
        "click" if row.kind == "click" else "open",
        row.at,
        agents.of(row.user_agent),
        networks.atlas(tuple(settings.MACHINE_NETWORKS)).whose(row.network),
        agents.system(row.user_agent),
        row.network,
        row.link,
        row.is_head,
    )


def _events(rows: Sequence[_Row], percents: dict[int, int]) -> Iterable[dict[str, Any]]:
    """What people did, the first time that each did it with this message."""
    done: set[tuple[int, str, int | None]] = set()
    for row in rows:
        name, what = EVENTS.get((row.channel, row.kind)), (row.message_id, row.kind, row.link)
        if name and row.external_id and percents[row.signal_id] >= humans.HUMAN and what not in done:
            done.add(what)
            yield {
                "event_id": f"signal-{row.message_id}-{row.kind}-{row.link or 0}",
                "external_id": row.external_id,
                "name": name,
                "occurred_at": row.at.isoformat(),
                "properties": {"campaign": row.campaign, "step": row.step}
                | ({"link": row.link} if row.link is not None else {}),
            }


def _news(rows: Sequence[_Row], percents: dict[int, int]) -> Iterable[Happened]:
    for row in rows:
        if percents[row.signal_id] >= humans.HUMAN:
            event = "message.opened" if row.kind == "open" else "message.clicked"
            name = f"{row.message_id}/{row.kind}/{row.link or 0}"  # the first time that a person did it
            more = {"link": row.link} if row.link else {}
            yield Happened(event, row.message_id, name, row.at, more | {"human": percents[row.signal_id]})


def _settled(now: datetime) -> list[_Row]:
    """Every hit of the messages that have some to be judged, by message and in the order of their instants."""
    with connection.cursor() as cursor:
        cursor.execute(_SETTLED, {"before": now - SETTLED, "messages": MESSAGES, "hits": HITS})
        return [_Row(*row) for row in cursor.fetchall()]


def _write(percents: dict[int, int], messages: set[int]) -> None:
    with connection.cursor() as cursor:
        ids, values = list(percents), list(percents.values())
        cursor.execute(_WRITE, {"ids": ids, "values": values, "messages": list(messages)})


def _pass_over(now: datetime) -> None:
    """What has settled and belongs to no message any more would come first for ever."""
    with connection.cursor() as cursor:
        cursor.execute(_ORPHANS, [now - SETTLED, 4 * MESSAGES])


def _oldest_settles() -> datetime | None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT min(received_at) FROM delivery_signal WHERE {_UNJUDGED}")
        row = cursor.fetchone()
    return row[0] + SETTLED if row and row[0] else None


_SETTLED = f"""
WITH due AS (
    SELECT message_id FROM (
        SELECT message_id, received_at FROM delivery_signal
        WHERE {_UNJUDGED} AND received_at <= %(before)s ORDER BY received_at LIMIT 4 * %(messages)s
    ) waiting GROUP BY message_id ORDER BY min(received_at) LIMIT %(messages)s
)
SELECT hit.id, message.id, hit.kind, hit.at, hit.link, hit.user_agent, hit.network, hit.detail = 'head',
    coalesce(message.settled_at, message.send_at),
    coalesce(known.links, 0), message.channel, message.step, campaign.key,
    customer.external_id
FROM due
JOIN delivery_message message ON message.id = due.message_id
CROSS JOIN LATERAL (
    SELECT * FROM delivery_signal hit
    WHERE hit.message_id = message.id AND hit.kind IN ('open', 'click') ORDER BY hit.id LIMIT %(hits)s
) hit
JOIN campaigns_run run ON run.id = message.run_id
JOIN campaigns_campaign campaign ON campaign.id = run.campaign_id
LEFT JOIN campaigns_customer customer ON customer.id = message.customer_id
CROSS JOIN LATERAL (
    SELECT max(number) AS links FROM delivery_link link WHERE link.template_hash = message.template_hash
) known
ORDER BY message.id, hit.at, hit.id
"""
_ORPHANS = f"""
UPDATE delivery_signal SET human = 0 WHERE id IN (
    SELECT id FROM delivery_signal WHERE {_UNJUDGED} AND received_at <= %s ORDER BY received_at LIMIT %s
) AND NOT EXISTS (SELECT FROM delivery_message message WHERE message.id = delivery_signal.message_id)
"""
_WRITE = """
UPDATE delivery_signal signal SET human = coalesce(told.percent, 0)
FROM delivery_signal old LEFT JOIN unnest(%(ids)s::bigint[], %(values)s::smallint[]) AS told (id, percent)
    ON told.id = old.id
WHERE signal.id = old.id AND old.message_id = ANY(%(messages)s) AND old.kind IN ('open', 'click')
  AND (told.id IS NOT NULL OR old.human IS NULL)
  AND old.human IS DISTINCT FROM coalesce(told.percent, 0)
"""
