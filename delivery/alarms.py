"""That something bad came of a run: whoever hears of it says so here, and delivery.guards looks.

Reads    Message
Writes   the agenda, in the transaction of what happened
Promise  a run that something bad came of is looked at
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection
from django.utils import timezone

from tenants import agenda
from tenants.models import Retailer

AGENDA_KIND = "guard"


def expect(retailer: Retailer, run_ids: Iterable[int]) -> None:
    """Something bad came of these runs, in this transaction: they are looked at."""
    now = timezone.now()
    for run_id in sorted(set(run_ids)):
        agenda.announce(retailer, AGENDA_KIND, run_id, due_at=now)


def runs_of(message_ids: Iterable[int]) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT run_id FROM delivery_message WHERE id = ANY(%s)", [list(message_ids)])
        return {row[0] for row in cursor.fetchall()}
