"""The nightly proof: every fact held against the rows it is made of, and put right where it drifted.

Reads    what campaigns.facts.truth reads, Facts
Writes   FactsProof, Facts (repairs)
Promise  a range is compared in one snapshot, so what is written meanwhile is never taken for drift; what drifted is
         told in the log and by `doctor`, also when it was repaired
"""

from __future__ import annotations

import itertools
import logging
import time
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from campaigns.facts import slots, truth, upkeep
from campaigns.models import FactsProof
from tenants import agenda, context
from tenants.models import Retailer

AGENDA_KIND = "proof"
RANGE = 20_000  # customers compared by one statement
SLICE = 5.0  # seconds of work before others get their turn
WITHIN = timedelta(hours=4)  # over which a night's proofs are spread
EXAMPLES = 5
KEPT = 30  # proofs
MISSING = "missing"
logger = logging.getLogger(__name__)

_NEXT = """
SELECT max(id), count(*) FROM (
    SELECT id FROM campaigns_customer WHERE id > %s ORDER BY id LIMIT %s) next
"""


def prove(*, now: datetime, repairs: bool) -> FactsProof:
    """The whole proof of this retailer, at once."""
    found = FactsProof.objects.create(began_at=now, repairs=repairs)
    while _next_range(found):
        pass
    _finish(found, now)
    return found


def begin(*, now: datetime, due_at: datetime) -> None:
    """Put a proof that repairs on the agenda; one that has not ended yet is enough."""
    if not FactsProof.objects.filter(finished_at=None, repairs=True, began_at__gt=now - timedelta(days=1)).exists():
        with transaction.atomic():
            found = FactsProof.objects.create(began_at=now)
            agenda.put(context.current(), AGENDA_KIND, found.pk, due_at=due_at)


def begin_everywhere(*, now: datetime) -> int:
    """The same for every active retailer, spread over the night. How many those are."""
    turns, many = itertools.count(), Retailer.objects.active().count()

    def of(_: Retailer) -> None:
        begin(now=now, due_at=now + WITHIN * next(turns) / max(many, 1))

    return context.in_every(of, what="the beginning of the proof of facts")


def advance(proof_id: int, *, now: datetime, seconds: float = SLICE) -> bool:
    """Carry a proof on for about that long. Whether there is more to do."""
    until = time.monotonic() + seconds
    found = FactsProof.objects.filter(pk=proof_id, finished_at=None).first()
    if found is None:
        return False
    while _next_range(found):
        if time.monotonic() >= until:
            return True
    _finish(found, now)
    return False


def latest() -> FactsProof | None:
    """The last that ended."""
    return FactsProof.objects.exclude(finished_at=None).order_by("-pk").first()


def _next_range(found: FactsProof) -> bool:
    """Compare the next customers. False when there are none."""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [found.checked_to, RANGE])
        high, number = cursor.fetchone()
    if not number:
        return False
    wrong = _differences(found.checked_to + 1, high)
    if wrong and found.repairs:
        found.repaired += _repair([customer_id for customer_id, _, _ in wrong])
    found.wrong += len(wrong)
    found.columns = dict(Counter(found.columns) + Counter(name for _, _, names in wrong for name in names))
    found.examples = (found.examples + [external_id for _, external_id, _ in wrong])[:EXAMPLES]
    found.checked_to, found.customers = high, found.customers + number
    found.save()
    return True


def _differences(low: int, high: int) -> list[tuple[int, str, list[str]]]:
    """(id, external id, columns) of the customers whose facts are not what their rows say."""
    given = slots.assigned()
    columns = [*truth.COLUMNS, *(slot.column for slot in given)]
    named = ", ".join(f"CASE WHEN f.{name} IS DISTINCT FROM t.{name} THEN '{name}' END" for name in columns)
    statement = f"""
        SELECT c.id, c.external_id,
               CASE WHEN f.customer_id IS NULL THEN ARRAY['{MISSING}'] ELSE array_remove(ARRAY[{named}], NULL) END
          FROM ({truth.select(given, truth.RANGE)}) t (customer_id, {", ".join(columns)})
          JOIN campaigns_customer c ON c.id = t.customer_id
          LEFT JOIN campaigns_facts f ON f.customer_id = t.customer_id
         WHERE f.customer_id IS NULL OR ({", ".join(f"f.{name}" for name in columns)})
               IS DISTINCT FROM ({", ".join(f"t.{name}" for name in columns)})
         ORDER BY c.id
    """
    params: dict[str, Any] = {"low": low, "high": high, **slots.params(given)}
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return [(pk, external_id, list(names)) for pk, external_id, names in cursor.fetchall()]


@transaction.atomic
def _repair(customer_ids: list[int]) -> int:
    """Their facts are locked before their rows are read: no event that comes in meanwhile is lost."""
    upkeep.wait_for_turn()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM campaigns_facts WHERE customer_id = ANY(%s) ORDER BY customer_id FOR NO KEY UPDATE",
            [customer_ids],
        )
    truth.recompute(customer_ids)
    return len(customer_ids)


def _finish(found: FactsProof, now: datetime) -> None:
    with connection.cursor() as cursor:  # of somebody who was removed past erasure
        cursor.execute("""
            DELETE FROM campaigns_facts f
             WHERE NOT EXISTS (SELECT FROM campaigns_customer c WHERE c.id = f.customer_id)""")
    found.finished_at = now
    found.save()
    kept = FactsProof.objects.order_by("-pk").values_list("pk", flat=True)[:KEPT]
    FactsProof.objects.exclude(pk__in=list(kept)).delete()
    if found.wrong:
        slug, done = context.current().slug, "repaired" if found.holds else "not repaired"
        logger.warning("Facts of %s had drifted: %s, %s %s, %s", slug, found, found.columns, done, found.examples)
