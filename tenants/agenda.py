"""The agenda: what is due, for which retailer, when.

An item is put in the same transaction as the change it announces, claimed by one worker for a while, and settled:
removed, or due again later. A claimant that dies lets its claim lapse, and the item is simply due again: that is
the reaper. Every clock here is the database's.

Turns are dealt by start-time fair queuing: each retailer's virtual time grows by the worker seconds spent on it,
and the least-served retailer with something due goes first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from tenants.models import AgendaItem, Retailer

PARK_AFTER = 8  # failures in a row
IDLE_CREDIT = 2.0  # seconds of service an idle retailer may be ahead by when it comes back
_NOT_STOPPED = """(item.kind IN ('import', 'attribute', 'proof', 'judgement', 'signal', 'tally', 'notice', 'guard')
                   OR NOT EXISTS (SELECT FROM public.tenants_stop WHERE retailer_id IS NULL)
                  AND item.retailer_id NOT IN
                      (SELECT retailer_id FROM public.tenants_stop WHERE retailer_id IS NOT NULL))"""


@dataclass(frozen=True)
class Claim:
    """One worker's hold on an agenda item, good until `seconds` after it was taken."""

    item_id: int
    retailer_id: int
    kind: str
    object_id: int
    number: int
    failures: int


def put(retailer: Retailer, kind: str, object_id: int, *, due_at: datetime | None = None) -> None:
    """Announce one piece of work; an item already there is due at the earlier of the two instants.

    Somebody who holds that item loses the right to settle it: he may have read the rows before this change.
    """
    put_many(retailer, kind, [object_id], due_at=due_at)


def put_missing(retailer: Retailer, kind: str, object_ids: Iterable[int]) -> None:
    """Announce what is not announced yet, and disturb nobody who holds the rest."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO public.tenants_agendaitem (retailer_id, kind, object_id)
            SELECT %s, %s, object_id FROM unnest(%s::bigint[]) AS object_id
            ON CONFLICT (retailer_id, kind, object_id) DO NOTHING
            """,
            [retailer.pk, kind, list(object_ids)],
        )


def announce(retailer: Retailer, kind: str, object_id: int, *, due_at: datetime) -> None:
    """As `put`, for what comes many times a second: an item that waits already is left alone, and whoever holds it has
    to look again at `due_at`.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO public.tenants_agendaitem AS item (retailer_id, kind, object_id, due_at)
            VALUES (%s, %s, %s, %s)
            ON CONFLICT (retailer_id, kind, object_id) DO UPDATE
            SET due_at = excluded.due_at, claims = item.claims + 1, claimed_until = NULL
            WHERE item.claimed_until IS NOT NULL
            """,
            [retailer.pk, kind, object_id, due_at],
        )


def put_many(retailer: Retailer, kind: str, object_ids: Iterable[int], *, due_at: datetime | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO public.tenants_agendaitem AS item (retailer_id, kind, object_id, due_at)
            SELECT %s, %s, object_id, coalesce(%s, clock_timestamp()) FROM unnest(%s::bigint[]) AS object_id
            ON CONFLICT (retailer_id, kind, object_id) DO UPDATE
            SET due_at = least(item.due_at, excluded.due_at), parked_at = NULL, failures = 0,
                claims = item.claims + 1, claimed_until = NULL
            """,
            [retailer.pk, kind, due_at, list(object_ids)],
        )


def drop(retailer: Retailer, kind: str, object_ids: Iterable[int]) -> None:
    AgendaItem.objects.filter(retailer_id=retailer.pk, kind=kind, object_id__in=list(object_ids)).delete()


def claim(*, seconds: float, retailer: Retailer | None = None, overdue_by: float = 0.0) -> Claim | None:
    """Take the next due item of the least-served active retailer (or of the one given) for `seconds`.

    Those whose sending is stopped get no turn but for work that sends nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH next AS (
                SELECT item.id
                FROM public.tenants_agendaitem item
                JOIN public.tenants_retailer retailer ON retailer.id = item.retailer_id AND retailer.status = 'active'
                JOIN public.tenants_lane lane ON lane.retailer_id = item.retailer_id
                WHERE item.due_at <= clock_timestamp() - make_interval(secs => %(overdue_by)s)
                  AND (item.claimed_until IS NULL OR item.claimed_until <= clock_timestamp())
                  AND item.parked_at IS NULL
                  AND (%(retailer)s::bigint IS NULL OR item.retailer_id = %(retailer)s)
                  AND {_NOT_STOPPED}
                ORDER BY lane.virtual_time, item.due_at, item.id
                LIMIT 1
                FOR UPDATE OF item SKIP LOCKED
            )
            UPDATE public.tenants_agendaitem item
            SET claimed_until = clock_timestamp() + make_interval(secs => %(seconds)s), claims = claims + 1
            FROM next WHERE item.id = next.id
            RETURNING item.id, item.retailer_id, item.kind, item.object_id, item.claims, item.failures
            """,
            {"seconds": seconds, "overdue_by": overdue_by, "retailer": retailer.pk if retailer else None},
        )
        row = cursor.fetchone()
    return Claim(*row) if row else None


def finish(claim: Claim, *, cost: float) -> None:
    """The work is done for good: remove the item."""
    _settle(claim, "DELETE FROM public.tenants_agendaitem WHERE id = %s AND claims = %s", [], cost)


def postpone(claim: Claim, *, due_at: datetime | None, cost: float) -> None:
    """There is more to do, now (`None`) or at `due_at`."""
    _settle(
        claim,
        """
        UPDATE public.tenants_agendaitem
        SET due_at = coalesce(%s, clock_timestamp()), claimed_until = NULL, failures = 0, error = ''
        WHERE id = %s AND claims = %s
        """,
        [due_at],
        cost,
    )


def fail(claim: Claim, *, error: str, cost: float) -> None:
    """The work broke: try again with exponential back-off, and park the item for a person after a few times."""
    _settle(
        claim,
        """
        UPDATE public.tenants_agendaitem
        SET failures = failures + 1, error = %s, claimed_until = NULL,
            due_at = clock_timestamp() + make_interval(secs => least(60, power(2, failures))),
            parked_at = CASE WHEN failures + 1 >= %s THEN clock_timestamp() END
        WHERE id = %s AND claims = %s
        """,
        [error, PARK_AFTER],
        cost,
    )


def _settle(claim: Claim, statement: str, params: list[datetime | str | int | None], cost: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [*params, claim.item_id, claim.number])
        cursor.execute(
            """
            UPDATE public.tenants_lane
            SET virtual_time = %s + greatest(virtual_time, (SELECT max(virtual_time) FROM public.tenants_lane) - %s)
            WHERE retailer_id = %s
            """,
            [cost, IDLE_CREDIT, claim.retailer_id],
        )


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
                  AND {_NOT_STOPPED}
                LIMIT %s
            ) due
            """,
            [at_most],
        )
        return int(cursor.fetchone()[0])
