"""Whom a day's messages go to while a domain warms up: the most engaged first, of all that waits to go out from it.

Reads    Message, Run, Customer, Facts
Writes   WarmUpStep, WarmUpPick, SenderDomain (`picked_at`), the agenda
Promise  of no day more messages are handed over than its budget, by however many workers; who is not chosen waits for
         the next days, and nobody is lost

A day's people are chosen in one statement while the sender's row is held, and each stands in a row of his own: a
worker hands over who has one. So the place of a message outlives whoever died over it, and is free again by itself
when the message ends without a hand-over. It is chosen anew when a day begins, when another run joins, and once in a
while, for places that became free; what came back meanwhile is looked at then too (delivery.warmup.ramping).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Min, Q

from delivery import volume
from delivery.batches import Entry, Lease
from delivery.models import Message, SenderDomain, WarmUpPick, WarmUpShare, WarmUpStep
from delivery.warmup import ramping, receivers, schedule
from delivery.warmup.rates import WINDOW
from tenants import agenda, context

AGAIN = timedelta(seconds=60)  # between two looks at what became free, and at what came back
PLANNING = timedelta(seconds=60)  # so long is waited for the rest of a run's messages to be made, before the first day
SOON = timedelta(seconds=1)
REASON = "Warm-up of"  # how the reason of a batch that waits begins
_ALL = 2**31 - 1


@dataclass(frozen=True)
class Later:
    """When those who were not chosen are looked at again, and why they wait."""

    until: datetime
    reason: str = ""


def allowed(
    lease: Lease, waiting: list[Entry], domain: str, *, zone: ZoneInfo, now: datetime
) -> tuple[list[Entry], Later | None]:
    """Those of a batch that may go out from the domain today; of the others, when it is their turn to be asked."""
    sender = SenderDomain.objects.filter(domain=domain, warm_up__in=["warming", "held"]).first()
    if sender is None:
        return waiting, None
    today = now.astimezone(zone).date()
    if _must_choose(sender, lease, today, zone, now):
        if _is_being_planned(lease, now):
            return [], Later(now + SOON)
        _choose(sender, lease, today, zone, now)
    chosen = set(_picked(waiting, today))
    going = [entry for entry in waiting if entry.message_id in chosen]
    if len(going) == len(waiting) or not _is_bounded(sender):
        return waiting, None
    return going, Later(volume.begins_at(today + timedelta(days=1), zone), _reason(sender, today))


def looked_at(lease: Lease, later: Later, *, now: datetime) -> datetime:
    """When to look at the batch again: then, or sooner for what a provider put off, and for what will be too late."""
    queued = Message.objects.filter(batch_id=lease.batch_id, state=Message.State.QUEUED)
    told = queued.aggregate(
        late=Min("expires_at", filter=Q(expires_at__gt=now)), put_off=Min("retry_at", filter=Q(retry_at__gt=now))
    )
    return min([later.until, *(at for at in told.values() if at)])


def waiting(sender: SenderDomain, today: date) -> dict[str, int]:
    """Messages of the runs under way that have no place today, by group."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [sender.pk, today])
        return dict(cursor.fetchall())


def _must_choose(sender: SenderDomain, lease: Lease, today: date, zone: ZoneInfo, now: datetime) -> bool:
    if sender.picked_at is None or sender.picked_at.astimezone(zone).date() < today:
        return True
    if sender.picked_at < now - AGAIN:
        return True
    return not WarmUpStep.objects.filter(sender=sender, run_id=lease.run_id, step=lease.step).exists()


def _is_being_planned(lease: Lease, now: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_PLANNED, {"run": lease.run_id, "step": lease.step, "since": now - PLANNING})
        return bool(cursor.fetchone()[0])


@transaction.atomic
def _choose(seen: SenderDomain, lease: Lease, today: date, zone: ZoneInfo, now: datetime) -> None:
    sender = SenderDomain.objects.select_for_update().get(pk=seen.pk)
    _, joined = WarmUpStep.objects.get_or_create(sender=sender, run_id=lease.run_id, step=lease.step)
    if not joined and sender.picked_at != seen.picked_at:  # another worker has just done so
        return
    shares = ramping.move(sender, today=today, now=now)
    if not sender.is_warming:
        return
    room = _room(sender, shares, today)
    for name in [name for name, number in room.items() if number < 0]:
        _withdraw(sender, name, -room[name], today)
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {"groups": list(room), "rooms": list(room.values()), "day": today, "now": now}
        cursor.execute(_CHOOSE, asked | {"sender": sender.pk})
        asleep = [row[0] for row in cursor.fetchall()]
    if asleep:
        agenda.put_many(context.current(), "batch", asleep)
    WarmUpPick.objects.filter(sender=sender, day__lt=today - WINDOW - timedelta(days=1)).delete()
    SenderDomain.objects.filter(pk=sender.pk).update(picked_at=now)


def _room(sender: SenderDomain, shares: Sequence[WarmUpShare], today: date) -> dict[str, int]:
    """Places left today, by group; below zero where a reversal took away some that are taken."""
    taken, ramp = ramping.used(sender, today), ramping.ramp(sender)
    budgets = {str(each.receivers): schedule.budget(ramp, each.share, each.step) for each in shares}
    return {name: _ALL if most is None else most - taken.get(name, 0) for name, most in budgets.items()}


def _withdraw(sender: SenderDomain, group: str, number: int, today: date) -> None:
    """Take back places that were given and not used, the last ones first."""
    with connection.cursor() as cursor:
        cursor.execute(_WITHDRAW, [sender.pk, today, group, number])


def _picked(entries: Sequence[Entry], today: date) -> Sequence[int]:
    ids = [entry.message_id for entry in entries]
    return list(WarmUpPick.objects.filter(day=today, message_id__in=ids).values_list("message_id", flat=True))


def _is_bounded(sender: SenderDomain) -> bool:
    """It may have been finished by the look at it just now."""
    return SenderDomain.objects.filter(pk=sender.pk, warm_up__in=["warming", "held"]).exists()


def _reason(sender: SenderDomain, today: date) -> str:
    taken = sum(ramping.used(sender, today).values())
    return f"{REASON} {sender.domain}: today's {taken:,} messages go to those most engaged; the rest goes on tomorrow."


_PLANNED = """
SELECT run.evaluated_at > %(since)s AND EXISTS (
    SELECT FROM campaigns_member member WHERE member.run_id = run.id AND member.is_included
      AND member.id > coalesce((run.generated ->> %(step)s)::bigint, 0)
) FROM campaigns_run run WHERE run.id = %(run)s
"""

# Engaged: opened or clicked an e-mail, or ordered, the latest first. Who would be dropped takes no place. Batches that
# were to be looked at later, and have somebody chosen now, are told.
_CHOOSE = f"""
WITH room AS (
    SELECT * FROM unnest(%(groups)s::text[], %(rooms)s::int[]) AS r (receivers, places) WHERE places > 0
), waiting AS (
    SELECT message.id, message.batch_id, {receivers.case("customer.email")} AS receivers,
        greatest(facts.engaged_email_at, facts.order_1_at) AS engaged_at
    FROM delivery_warmupstep step
    JOIN campaigns_run run ON run.id = step.run_id AND run.state = 'running'
    JOIN delivery_message message ON message.run_id = step.run_id AND message.step = step.step
      AND message.state = 'queued' AND message.send_at <= %(now)s
      AND (message.expires_at IS NULL OR message.expires_at > %(now)s)
    JOIN campaigns_customer customer ON customer.id = message.customer_id
    JOIN campaigns_facts facts ON facts.customer_id = message.customer_id
      AND facts.consent_email AND NOT facts.suppressed_email AND facts.has_email
    WHERE step.sender_id = %(sender)s AND EXISTS (SELECT FROM room) AND NOT EXISTS (
        SELECT FROM delivery_warmuppick pick WHERE pick.message_id = message.id AND pick.day = %(day)s
    )
), ranked AS (
    SELECT id, batch_id, receivers,
        row_number() OVER (PARTITION BY receivers ORDER BY engaged_at DESC NULLS LAST, id) AS place
    FROM waiting
), chosen AS (
    SELECT ranked.* FROM ranked JOIN room USING (receivers) WHERE ranked.place <= room.places
), picked AS (
    INSERT INTO delivery_warmuppick (sender_id, message_id, receivers, day)
    SELECT %(sender)s, id, receivers, %(day)s FROM chosen ORDER BY place
    ON CONFLICT DO NOTHING
)
SELECT batch.id FROM delivery_batch batch
WHERE batch.id IN (SELECT batch_id FROM chosen) AND batch.state = 'queued' AND batch.due_at > clock_timestamp()
"""
_WAITING = f"""
SELECT {receivers.case("customer.email")}, count(*)
FROM delivery_warmupstep step
JOIN campaigns_run run ON run.id = step.run_id AND run.state IN ('running', 'paused')
JOIN delivery_message message ON message.run_id = step.run_id AND message.step = step.step AND message.state = 'queued'
JOIN campaigns_customer customer ON customer.id = message.customer_id
WHERE step.sender_id = %s AND NOT EXISTS (
    SELECT FROM delivery_warmuppick pick WHERE pick.message_id = message.id AND pick.day = %s
)
GROUP BY 1
"""
_WITHDRAW = """
DELETE FROM delivery_warmuppick WHERE id IN (
    SELECT pick.id FROM delivery_warmuppick pick
    JOIN delivery_message message ON message.id = pick.message_id AND message.state = 'queued'
    JOIN delivery_batch batch ON batch.id = message.batch_id
    WHERE pick.sender_id = %s AND pick.day = %s AND pick.receivers = %s AND NOT (
        message.position >= batch.handed_from AND message.position < batch.handed_to
        AND message.position <> ALL(batch.handed_except)
    )
    ORDER BY pick.id DESC LIMIT %s
)
"""
