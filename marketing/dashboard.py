"""The platform's first page: who sends, who needs somebody, and what changed."""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError, connection
from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils import timezone
from psycopg import sql

from delivery import patience
from tenants import changes, fleet
from tenants.models import AgendaItem, Change, Retailer, Stop
from tenants.objectives import OBJECTIVE

MOST_CHANGES = 8  # of live configuration, the newest
MOST_BUSY = 50  # retailers whose open runs the fleet page lists
MOST_OPEN = 10  # of one retailer's
SECONDS = 0.5  # that looking at their schemas may take: the page is worth showing without


def platform(request: HttpRequest, page: dict[str, Any]) -> dict[str, Any]:
    """The platform's first page."""
    by_status = dict(Retailer.objects.values_list("status").annotate(number=Count("pk")).order_by("status"))
    agenda = AgendaItem.objects.aggregate(
        all=Count("pk"),
        due=Count("pk", filter=Q(due_at__lte=timezone.now())),
        parked=Count("pk", filter=~Q(parked_at=None)),
    )
    busy = Retailer.objects.active().filter(agenda__kind__in=["run", "batch"]).distinct().order_by("slug")
    now = timezone.now()
    return page | {
        "fleet": fleet.rows(now=now),
        "objective": 100 * OBJECTIVE,
        "retailers": sum(by_status.values()),
        "by_status": by_status,
        "agenda": agenda,
        **_open_runs(list(busy[:MOST_BUSY])),
        "newest": Retailer.objects.order_by("-created_at")[:5],
        "propagation": changes.propagation(),
        "stops": Stop.objects.select_related("retailer").order_by("at"),
        "is_stopped": Stop.objects.filter(retailer=None).exists(),
        "changes": Change.objects.select_related("retailer").order_by("-pk")[:MOST_CHANGES],
    }


def _open_runs(retailers: list[Retailer]) -> dict[str, Any]:
    """Of several retailers, in one statement that takes its time or none: `open_runs`, and `runs_problem` where a
    schema that is locked, or was just taken down, kept it from ending. Schema names are quoted identifiers that we
    generated.
    """
    if not retailers:
        return {"open_runs": [], "runs_problem": ""}
    part = sql.SQL(
        "(SELECT {retailer}, run.id, campaign.name, run.state, run.started_at FROM {schema}.campaigns_run run"
        " JOIN {schema}.campaigns_campaign campaign ON campaign.id = run.campaign_id"
        " WHERE run.state IN ('planned', 'running', 'paused') ORDER BY run.id LIMIT {most})"
    )
    parts = [
        part.format(retailer=sql.Literal(each.pk), schema=sql.Identifier(each.schema_name), most=sql.Literal(MOST_OPEN))
        for each in retailers
    ]
    by_id = {retailer.pk: retailer for retailer in retailers}
    try:
        with patience.seconds(SECONDS), connection.cursor() as cursor:
            cursor.execute(sql.SQL(" UNION ALL ").join(parts))
            found = cursor.fetchall()
    except (patience.TookTooLong, DatabaseError):
        return {"open_runs": [], "runs_problem": "What runs could not be read just now: look again in a moment."}
    names = ("run_id", "campaign", "state", "started_at")
    rows = [{"retailer": by_id[row[0]]} | dict(zip(names, row[1:], strict=True)) for row in found]
    return {"open_runs": rows, "runs_problem": ""}
