"""First come, first served: our workers with the plainest queue there is, for what fairness costs beside it.

What only counts waits while anything else is to be done, as it does with us: that is no matter of fairness.
`celery -A tests.benchmarks.fifo worker` serves it.
"""

from __future__ import annotations

from typing import Any

from celery.signals import worker_process_init
from django.db import connection

from marketing.celery import app

__all__ = ["app"]


@worker_process_init.connect
def _serve_by_age(**_: Any) -> None:
    from tenants import agenda, dealing  # noqa: PLC0415 -- it imports models, which the child has set up by now

    # A claim without an end gives way to nobody (delivery.turns).
    def claim(
        *, seconds: float, retailer: Any = None, overdue_by: float = 0.0, beside: Any = None
    ) -> agenda.Claim | None:
        for patience in (dealing.PATIENCE, 0.0):
            with connection.cursor() as cursor:
                cursor.execute(_OLDEST.format(counts=dealing.ONLY_COUNTS), [seconds, patience])
                row = cursor.fetchone()
            if row:
                return agenda.Claim(*row)
        return None

    agenda.claim = claim


_OLDEST = """
UPDATE public.tenants_agendaitem item
SET claimed_until = clock_timestamp() + make_interval(secs => %s), claims = claims + 1
WHERE item.id = (
    SELECT id FROM public.tenants_agendaitem
    WHERE due_at <= statement_timestamp() AND parked_at IS NULL
      AND (claimed_until IS NULL OR claimed_until <= statement_timestamp())
      AND (kind NOT IN {counts} OR due_at <= statement_timestamp() - make_interval(secs => %s))
    ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING item.id, item.retailer_id, item.kind, item.object_id, item.claims, item.failures
"""
