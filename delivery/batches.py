"""The lease on a batch and the record of its messages: the SQL under dispatch, one statement each.

Every write names the epoch it was claimed under and changes nothing when that epoch is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Coalesce

from campaigns.models import Run
from delivery.models import Batch, Message
from tenants import agenda, context, prepared

# The batch's error; `attempts` then counts how often in a row. It ends with the number of the message whose rendering
# was begun, if one was: what ends workers from outside seldom finds them twice at the same.
DIED = "the worker died while it had this batch"
DEATHS = 3  # after so many, the last two of them at one message, that is given up
QUARANTINED = f"render: it ended the worker {DEATHS} times, and was left out"
UNKNOWN = "unknown"  # the agenda's kind of a batch with messages whose outcome somebody must find out
_PLANS = 1.0  # seconds: batches of a hundred messages would be planned for longer than they take
INTERRUPTED = "the worker stopped during the hand-over: it may or may not have been sent"


@dataclass(frozen=True)
class Lease:
    """The right to work on a batch until settings.LEASE_SECONDS after it was claimed or last renewed."""

    batch_id: int
    epoch: int
    run_id: int
    step: str
    run_state: str
    attempts: int
    error: str
    throttle: int | None = None  # messages a minute of its run
    is_warming: bool = False  # whether a domain of the retailer's is under warm-up: its senders are to be asked
    is_counted: bool = False  # whether its hand-overs are entered in DailyVolume
    topic: str = ""  # of the campaign: whoever withdrew it has no consent to these messages
    channel: str = "email"  # of the step
    provider: str = ""  # that its messages are handed to

    @property
    def deaths(self) -> int:
        """How often in a row a worker died over this batch."""
        return self.attempts if self.error.startswith(DIED) else 0


class Entry(NamedTuple):
    """A queued message with what its rendering needs; `drop` says why it must not be sent any more."""

    message_id: int
    position: int
    channel: str
    variant: str
    attempts: int
    drop: str
    address: str
    person: dict[str, Any]
    customer_id: int = 0
    not_before: datetime | None = None  # the provider put it off until then


class Verdict(NamedTuple):
    """What to write of one message. With a `result` it was an attempt, and evidence of it is kept."""

    message_id: int
    state: str
    reason: str = ""
    result: str = ""
    provider: str = ""
    provider_message_id: str = ""
    template_hash: str = ""
    version_id: int | None = None
    pause: float | None = None  # seconds before the next try of a message that was put off


@transaction.atomic
def claim(batch_id: int) -> Lease | None:
    """Lease a batch; None when somebody holds it or nothing is left in it.

    What a dead claimant had in hand becomes unknown here, in the same transaction.
    """
    prepared.plan_anew(older_than=_PLANS)
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"seconds": settings.LEASE_SECONDS, "died": DIED, "deaths": DEATHS, "batch": batch_id})
        row = cursor.fetchone()
        if row is None:
            return None
        *lease, handed_from, handed_to, left_out, handed_by, lapsed_at = row
        died = {"provider": handed_by, "lapsed": lapsed_at, "lease": settings.LEASE_SECONDS}
        if handed_to > handed_from:
            window = {"batch": batch_id, "run": lease[2], "from": handed_from, "to": handed_to, "epoch": lease[1] - 1}
            cursor.execute(_GIVE_UP_WINDOW, window | {"except": left_out, "reason": INTERRUPTED} | died)
            agenda.put(context.current(), UNKNOWN, batch_id)
        elif handed_to and Lease(*lease).deaths >= DEATHS:
            cursor.execute(_QUARANTINE, [QUARANTINED, batch_id, handed_to - 1])
        if handed_to:
            cursor.execute("UPDATE delivery_batch SET handed_from = 0, handed_to = 0 WHERE id = %s", [batch_id])
    return Lease(*lease)


def begin_rendering(lease: Lease, entry: Entry, verdicts: Sequence[Verdict]) -> None:
    """Write verdicts, and mark the one message that is about to be rendered: it may be what ends workers.

    The mark is a window that ends where it begins, behind the message: nothing of it is at the provider.
    """
    turn(lease, verdicts, hand_from=entry.position + 1, hand_to=entry.position + 1)


def leased_until(batch_id: int) -> datetime | None:
    """When somebody else's lease ends; None when the batch is done."""
    return (
        Batch.objects.exclude(state=Batch.State.DONE).filter(pk=batch_id).values_list("lease_until", flat=True).first()
    )


def turn(
    lease: Lease,
    verdicts: Sequence[Verdict],
    *,
    hand_from: int = 0,
    hand_to: int = 0,
    hand_except: Sequence[int] = (),
) -> bool:
    """Write verdicts and, in the same statement, mark the next messages as being handed over: a range of positions,
    of which some may be left out.

    False when they must not be: the lease is over, the run does not run any more or at another throttle than the lease
    knows, the retailer is suspended, or its sending is stopped.
    """
    is_miscounted = not lease.is_counted and (hand_to > hand_from or any(v.result for v in verdicts))
    window = [hand_from, hand_to, prepared.numbers(hand_except), lease.provider]
    known = [lease.throttle, lease.batch_id, lease.epoch]
    params = [*known, *_columns(verdicts), is_miscounted, *window, float(settings.LEASE_SECONDS)]
    if not any(verdict.state == Message.State.UNKNOWN for verdict in verdicts):
        return _turn(params)
    with transaction.atomic():
        may_go_on = _turn(params)
        agenda.put(context.current(), UNKNOWN, lease.batch_id)
    return may_go_on


def _turn(params: Sequence[Any]) -> bool:
    found = prepared.rows(_TURN, params)
    return bool(found and found[0][0])


def settle(lease: Lease, *, retry_in: float) -> datetime | None:
    """End the lease: the batch is done, or due again in `retry_in` seconds for what is still queued, unless it was put
    off for longer.
    """
    found = prepared.rows(_SETTLE, [retry_in, lease.batch_id, lease.batch_id, lease.epoch])
    return found[0][0] if found else None


def release(
    lease: Lease,
    *,
    due_at: datetime | None,
    error: str = "",
    attempts: int | None = None,
    unreachable: datetime | None = None,
) -> None:
    """End the lease early. What was marked was not handed over: the caller knows, so nothing becomes unknown.

    `unreachable`: when the provider was found out of reach, which counts from the first time on.
    """
    fields: dict[str, Any] = {"state": Batch.State.QUEUED, "lease_until": None, "handed_from": 0, "handed_to": 0}
    fields |= {"error": error[:500]} | ({"due_at": due_at} if due_at else {})
    fields |= {} if attempts is None else {"attempts": attempts}
    fields |= {"unreachable_since": Coalesce("unreachable_since", unreachable)} if unreachable else {}
    Batch.objects.filter(pk=lease.batch_id, epoch=lease.epoch).update(**fields)


def forget_unreachable(lease: Lease) -> None:
    """What waits for a person does not wait for its provider."""
    Batch.objects.filter(pk=lease.batch_id, epoch=lease.epoch).update(unreachable_since=None)


def give_up(lease: Lease, reason: str, *, now: datetime, after: timedelta) -> bool:
    """Fail what is left, and whether it was so, where nothing of it could be handed over for so long."""
    with connection.cursor() as cursor:
        cursor.execute(_GIVE_UP, [lease.batch_id, lease.epoch, now - after, reason[:300]])
        return cursor.rowcount > 0


def unfinished(run: Run) -> list[int]:
    return list(
        Batch.objects.filter(run=run).exclude(state=Batch.State.DONE).order_by("id").values_list("id", flat=True)
    )


def waiting_before(lease: Lease) -> int:
    """How many batches of its run come before this one and are not done."""
    found = Batch.objects.filter(run_id=lease.run_id, pk__lt=lease.batch_id)
    return found.exclude(state=Batch.State.DONE).count()


def cancel_waiting(run: Run, reason: str) -> None:
    """Cancel what no worker holds; a worker that holds a batch cancels the rest of it itself."""
    with connection.cursor() as cursor:
        cursor.execute(_CANCEL_WAITING, [run.pk, Message.State.CANCELLED, reason])


def _columns(verdicts: Sequence[Verdict]) -> list[str]:
    numbers, texts = prepared.numbers, prepared.texts
    columns: Iterable[Sequence[Any]] = zip(*verdicts, strict=True) if verdicts else [()] * len(Verdict._fields)
    ids, states, reasons, results, accounts, names, hashes, versions, pauses = columns
    return [
        numbers(ids),
        texts(states),
        texts([reason[:300] for reason in reasons]),
        texts(results),
        texts(accounts),
        texts([name[:200] for name in names]),
        texts(hashes),
        numbers(versions),
        numbers(pauses),
    ]


_DEATH = """(%(died)s || CASE
    WHEN batch.handed_to > 0 AND batch.handed_to = batch.handed_from THEN ' and began message ' || batch.handed_to
    ELSE '' END)"""
_CLAIM = f"""
WITH before AS (SELECT id, lease_until FROM delivery_batch WHERE id = %(batch)s FOR UPDATE)
UPDATE delivery_batch batch
SET state = 'claimed', epoch = epoch + 1, lease_until = clock_timestamp() + make_interval(secs => %(seconds)s),
    attempts = CASE
        WHEN batch.lease_until IS NULL THEN attempts
        WHEN NOT starts_with(error, %(died)s) THEN 1
        WHEN attempts >= %(deaths)s THEN attempts + 1
        WHEN {_DEATH} = %(died)s THEN 1
        WHEN error IN (%(died)s, {_DEATH}) THEN attempts + 1
        ELSE 2
    END,
    error = CASE WHEN batch.lease_until IS NULL THEN error ELSE {_DEATH} END
FROM campaigns_run run, before
WHERE batch.id = before.id AND run.id = batch.run_id AND batch.state <> 'done'
  AND (batch.lease_until IS NULL OR batch.lease_until <= clock_timestamp())
RETURNING batch.id, batch.epoch, batch.run_id, batch.step, run.state, batch.attempts, batch.error, run.throttle,
          EXISTS (SELECT FROM delivery_senderdomain WHERE warm_up IN ('warming', 'held')),
          batch.handed_from, batch.handed_to, batch.handed_except, batch.handed_by, before.lease_until
"""

_QUARANTINE = """
UPDATE delivery_message SET state = 'failed', reason = %s, settled_at = clock_timestamp()
WHERE batch_id = %s AND state = 'queued' AND position = %s
"""

# The dead worker's other answers say which version it sent; where it left none, it had only just looked at the run.
# When it marked the window, it renewed its lease.
_GIVE_UP_WINDOW = """
WITH known AS (
    SELECT fellow.version_id
    FROM delivery_message fellow JOIN delivery_outcomerecord record ON record.message_id = fellow.id
    WHERE fellow.batch_id = %(batch)s AND record.epoch = %(epoch)s AND fellow.version_id IS NOT NULL
    ORDER BY record.id DESC LIMIT 1
), lost AS (
    UPDATE delivery_message
    SET state = 'unknown', reason = %(reason)s, attempts = attempts + 1, settled_at = clock_timestamp(),
        provider = %(provider)s, retry_at = clock_timestamp(),
        version_id = coalesce((SELECT version_id FROM known), (SELECT version_id FROM campaigns_run WHERE id = %(run)s))
    WHERE batch_id = %(batch)s AND state = 'queued' AND position >= %(from)s AND position < %(to)s
      AND position <> ALL(%(except)s::smallint[])
    RETURNING id
)
INSERT INTO delivery_outcomerecord (message_id, result, detail, epoch, provider, at)
SELECT id, 'unknown', %(reason)s, %(epoch)s, %(provider)s, %(lapsed)s - make_interval(secs => %(lease)s) FROM lost
"""


# What is handed over without being counted makes the day's count wrong: whoever needs it next counts anew.
# `abs` says nothing about an id, but makes the planner expect one row of them, and look each message up by its id:
# by a plan that was made while there were few messages, they would all be read for each of fifty.
_TURN = """
WITH lease AS (
    SELECT batch.id, batch.epoch, run.state = 'running' AND run.throttle IS NOT DISTINCT FROM %s::int
        AND retailer.status = 'active' AND NOT EXISTS (
        SELECT FROM public.tenants_stop stop WHERE stop.retailer_id IS NULL OR stop.retailer_id = retailer.id
    ) AS may_go_on
    FROM delivery_batch batch
    JOIN campaigns_run run ON run.id = batch.run_id
    JOIN public.tenants_retailer retailer ON retailer.schema_name = current_schema()
    WHERE batch.id = %s AND batch.epoch = %s
    FOR UPDATE OF batch
), verdict AS (
    SELECT * FROM unnest(
        %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[],
        %s::float8[]
    ) AS v (message_id, state, reason, result, provider, provider_message_id, template_hash, version_id, pause)
), evidence AS (
    INSERT INTO delivery_outcomerecord (message_id, epoch, result, detail, provider, provider_message_id)
    SELECT message_id, lease.epoch, result, reason, provider, provider_message_id
    FROM verdict, lease WHERE result <> ''
), moved AS (
    UPDATE delivery_message message
    SET state = verdict.state, reason = verdict.reason, provider = verdict.provider,
        provider_message_id = verdict.provider_message_id, template_hash = verdict.template_hash,
        version_id = coalesce(verdict.version_id, message.version_id),
        attempts = message.attempts + (verdict.result <> '')::int,
        settled_at = CASE WHEN verdict.state <> 'queued' THEN clock_timestamp() END,
        retry_at = clock_timestamp() + make_interval(secs => verdict.pause)
    FROM verdict, lease
    WHERE message.id = verdict.message_id AND verdict.message_id = abs(verdict.message_id) AND message.state = 'queued'
), miscounted AS (
    DELETE FROM delivery_dailyvolume WHERE %s
)
UPDATE delivery_batch batch
SET handed_from = CASE WHEN may_go_on THEN %s ELSE 0 END, handed_to = CASE WHEN may_go_on THEN %s ELSE 0 END,
    handed_except = %s::smallint[], handed_by = %s, lease_until = clock_timestamp() + make_interval(secs => %s),
    unreachable_since = CASE WHEN NOT EXISTS (SELECT FROM verdict WHERE result <> '') THEN unreachable_since END
FROM lease WHERE batch.id = lease.id
RETURNING may_go_on
"""

_SETTLE = """
UPDATE delivery_batch batch
SET state = CASE WHEN rest.n = 0 THEN 'done' ELSE 'queued' END, lease_until = NULL, handed_from = 0, handed_to = 0,
    attempts = 0, error = '', unreachable_since = NULL, due_at = coalesce(rest.due_at, batch.due_at)
FROM (
    SELECT count(*) AS n, min(coalesce(retry_at, clock_timestamp() + make_interval(secs => %s))) AS due_at
    FROM delivery_message WHERE batch_id = %s AND state = 'queued'
) rest
WHERE batch.id = %s AND batch.epoch = %s
RETURNING CASE WHEN rest.n > 0 THEN rest.due_at END
"""

_GIVE_UP = """
WITH given_up AS (
    UPDATE delivery_batch SET state = 'done', lease_until = NULL, handed_from = 0, handed_to = 0
    WHERE id = %s AND epoch = %s AND unreachable_since < %s RETURNING id
)
UPDATE delivery_message message SET state = 'failed', reason = %s, settled_at = clock_timestamp()
FROM given_up WHERE message.batch_id = given_up.id AND message.state = 'queued'
"""

_CANCEL_WAITING = """
WITH waiting AS (
    UPDATE delivery_batch SET state = 'done', epoch = epoch + 1
    WHERE run_id = %s AND state = 'queued' RETURNING id
)
UPDATE delivery_message message SET state = %s, reason = %s, settled_at = clock_timestamp()
FROM waiting WHERE message.batch_id = waiting.id AND message.state = 'queued'
"""
