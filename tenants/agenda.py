"""The agenda: what is due, for which retailer, when.

An item is put in the same transaction as the change it announces, claimed by one worker for a while, and settled:
removed, or due again later. A claimant that dies lets its claim lapse, and the item is simply due again: that is
the reaper. Every clock here is the database's.

Turns are dealt by start-time fair queuing (Goyal, Vin and Cheng, 1996): a turn begins at its lane's virtual time, or at
the platform's where that is later, so idling saves nothing up; and it moves the lane on by the worker seconds it takes,
over the lane's weight. What it will take is charged beforehand, by what turns of that lane took lately, and put right
when it is settled: so a retailer with a slow provider is behind the others from the first turn on, not after it.

What one retailer may hold at once is `SHARE` of the workers, and as much is all that the slow may hold together, and
all that is not transactional: the rest is kept for those who come. It is lent only while nobody it is kept for
waits, and only to lanes whose turns are known to be short, or that hold nothing yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from tenants import dealing, prepared
from tenants.models import AgendaItem, Retailer

PARK_AFTER = 8  # failures in a row
SHARE = 0.8  # of the workers
SHORT = 2.0  # seconds: lanes whose turns take longer are slow
AT_WORK = 60.0  # seconds after it was last seen that a worker counts
_GUESS = 0.1  # seconds that a turn takes in a lane that never had one
_NEWEST = 0.3  # how much the latest turn says about the next
_TRIES = 8


@dataclass(frozen=True)
class Claim:
    """One worker's hold on an agenda item, good until `until`. `charged` is what its lane was charged beforehand."""

    item_id: int
    retailer_id: int
    kind: str
    object_id: int
    number: int
    failures: int
    is_transactional: bool = False
    until: datetime | None = None
    charged: float = 0.0


def sign_in(worker: str) -> None:
    """This process takes turns. Said now and then: who says nothing for `AT_WORK` seconds is not counted any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO public.tenants_worker (name, seen_at) VALUES (%s, clock_timestamp())
            ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at
            """,
            [worker[:100]],
        )


def forget_gone() -> None:
    """Workers that were not seen for a day: called now and then by the clock."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM public.tenants_worker WHERE seen_at < clock_timestamp() - interval '1 day'")


def put(
    retailer: Retailer,
    kind: str,
    object_id: int,
    *,
    due_at: datetime | None = None,
    is_transactional: bool = False,
) -> None:
    """Announce one piece of work; an item already there is due at the earlier of the two instants.

    Somebody who holds that item loses the right to settle it: he may have read the rows before this change.
    """
    put_many(retailer, kind, [object_id], due_at=due_at, is_transactional=is_transactional)


def put_missing(retailer: Retailer, kind: str, object_ids: Iterable[int], *, is_transactional: bool = False) -> None:
    """Announce what is not announced yet, and disturb nobody who holds the rest."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO public.tenants_agendaitem (retailer_id, kind, object_id, is_transactional)
            SELECT %s, %s, object_id, %s FROM unnest(%s::bigint[]) AS object_id
            ON CONFLICT (retailer_id, kind, object_id) DO NOTHING
            """,
            [retailer.pk, kind, is_transactional, list(object_ids)],
        )


def announce(retailer: Retailer, kind: str, object_id: int, *, due_at: datetime, is_sooner: bool = False) -> None:
    """As `put`, for what comes many times a second: an item that waits already is left alone, and whoever holds it has
    to look again at `due_at`. One that was parked gets another try after a minute. `is_sooner`: one that waits for
    longer is due at `due_at` too.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO public.tenants_agendaitem AS item (retailer_id, kind, object_id, due_at)
            VALUES (%s, %s, %s, %s)
            ON CONFLICT (retailer_id, kind, object_id) DO UPDATE
            SET due_at = CASE WHEN item.parked_at IS NULL THEN excluded.due_at
                    ELSE greatest(excluded.due_at, item.parked_at + interval '1 minute') END,
                claims = item.claims + 1, claimed_until = NULL, parked_at = NULL
            WHERE item.claimed_until IS NOT NULL OR item.parked_at IS NOT NULL OR %s AND item.due_at > excluded.due_at
            """,
            [retailer.pk, kind, object_id, due_at, is_sooner],
        )


def put_many(
    retailer: Retailer,
    kind: str,
    object_ids: Iterable[int],
    *,
    due_at: datetime | None = None,
    is_transactional: bool = False,
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO public.tenants_agendaitem AS item (retailer_id, kind, object_id, due_at, is_transactional)
            SELECT %s, %s, object_id, coalesce(%s, clock_timestamp()), %s FROM unnest(%s::bigint[]) AS object_id
            ON CONFLICT (retailer_id, kind, object_id) DO UPDATE
            SET due_at = least(item.due_at, excluded.due_at), parked_at = NULL, failures = 0,
                is_transactional = excluded.is_transactional, claims = item.claims + 1, claimed_until = NULL
            """,
            [retailer.pk, kind, due_at, is_transactional, list(object_ids)],
        )


def drop(retailer: Retailer, kind: str, object_ids: Iterable[int]) -> None:
    AgendaItem.objects.filter(retailer_id=retailer.pk, kind=kind, object_id__in=list(object_ids)).delete()


def claim(
    *, seconds: float, retailer: Retailer | None = None, overdue_by: float = 0.0, beside: Claim | None = None
) -> Claim | None:
    """Take the next due item of the least-served active retailer for `seconds`; None when there is none to be dealt.

    Whoever asks for one `retailer` works beside the platform's workers, and is bound by no share. Those whose sending
    is stopped get no turn but for work that sends nothing, and what only counts goes when nothing else is left, or it
    has waited for `dealing.PATIENCE`.

    Who holds a claim and asks for another `beside` it gets one of a retailer that was served less, and whose turns are
    short: whoever is held up by it waits for no more than that.
    """
    asked = {
        "seconds": float(seconds), "overdue_by": float(overdue_by), "retailer": str(retailer.pk) if retailer else None,
        "share": SHARE, "short": SHORT, "at_work": AT_WORK, "guess": _GUESS,
        "beside": str(beside.retailer_id) if beside else None,
    }  # fmt: skip
    found = _claim(asked | {"patience": dealing.PATIENCE})
    return found if found or beside else _claim(asked | {"patience": 0.0})


def _claim(asked: dict[str, Any]) -> Claim | None:
    for _ in range(_TRIES):
        found = prepared.rows(dealing.CLAIM, asked)
        if not found:
            return None
        if found[0][0] is not None:
            return Claim(*found[0])
    return None  # others were faster each time: they have it in hand


def newcomers(claim: Claim, since: datetime) -> tuple[bool, datetime]:
    """Whether work of others has come due since then, by the database's clock, that nobody has in hand; and what that
    clock says now. So cheap that a worker can ask many times a second.
    """
    [(found, now)] = prepared.rows(dealing.NEWCOMERS, {"since": since, "retailer": str(claim.retailer_id)})
    return found, now


def finish(claim: Claim, *, cost: float) -> None:
    """The work is done for good: remove the item."""
    _settle(claim, "DELETE FROM public.tenants_agendaitem WHERE id = %(item)s AND claims = %(number)s", {}, cost)


def postpone(claim: Claim, *, due_at: datetime | None, cost: float) -> None:
    """There is more to do, now (`None`) or at `due_at`: also where it was announced for later meanwhile."""
    _settle(
        claim,
        """
        UPDATE public.tenants_agendaitem
        SET due_at = CASE WHEN claims = %(number)s THEN coalesce(%(due_at)s, clock_timestamp())
                ELSE least(due_at, coalesce(%(due_at)s, clock_timestamp())) END,
            claimed_until = NULL, failures = 0, error = ''
        WHERE id = %(item)s AND (claims = %(number)s OR claimed_until IS NULL AND parked_at IS NULL)
        """,
        {"due_at": due_at},
        cost,
    )


def hold(claim: Claim, *, until: datetime, cost: float) -> None:
    """Somebody else has it in hand until then. The item keeps its place: should that one have died, it is due again
    before all that its lane has not begun.
    """
    _settle(
        claim,
        "UPDATE public.tenants_agendaitem SET claimed_until = %(held)s WHERE id = %(item)s AND claims = %(number)s",
        {"held": until},
        cost,
    )


def fail(claim: Claim, *, error: str, cost: float) -> None:
    """The work broke: try again with exponential back-off, and park the item for a person after a few times."""
    _settle(
        claim,
        """
        UPDATE public.tenants_agendaitem
        SET failures = failures + 1, error = %(error)s, claimed_until = NULL,
            due_at = clock_timestamp() + make_interval(secs => least(60, power(2, least(failures, 6)))),
            parked_at = CASE WHEN failures + 1 >= %(park_after)s THEN clock_timestamp() END
        WHERE id = %(item)s AND claims = %(number)s
        """,
        {"error": error, "park_after": PARK_AFTER},
        cost,
    )


def _settle(claim: Claim, statement: str, params: dict[str, Any], cost: float) -> None:
    settled: dict[str, Any] = {
        "item": claim.item_id,
        "number": claim.number,
        "retailer": claim.retailer_id,
        "until": claim.until,
    }
    turn = {"cost": float(cost), "charged": claim.charged, "newest": _NEWEST, "short": SHORT}
    turn["calls_out"] = claim.kind in dealing.CALLS_OUT
    prepared.rows(f"WITH settled AS ({statement} RETURNING id) {dealing.FREE}", params | settled | turn)


@contextmanager
def alone(retailer: Retailer, kind: str, object_id: int) -> Iterator[bool]:
    """Whether nobody else is at it now, and nobody will be until the end. Whoever dies is not at it any more."""
    place = [f"{retailer.pk}/{kind}/{object_id}"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", place)
        is_alone = bool(cursor.fetchone()[0])
    try:
        yield is_alone
    finally:
        if is_alone:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", place)


def due_count(*, at_most: int) -> int:
    """How many items could be claimed now, counted no further than `at_most`."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT count(*) FROM (
                SELECT FROM public.tenants_agendaitem item
                JOIN public.tenants_retailer retailer ON retailer.id = item.retailer_id AND retailer.status = 'active'
                WHERE item.due_at <= clock_timestamp() AND item.parked_at IS NULL
                  AND (item.claimed_until IS NULL OR item.claimed_until <= clock_timestamp())
                  AND {dealing.NOT_STOPPED}
                LIMIT %s
            ) due
            """,
            [at_most],
        )
        return int(cursor.fetchone()[0])
