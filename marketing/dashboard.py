"""The first page of each console: what runs, what comes, how it went, and what to do next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from psycopg import sql

from campaigns import content
from campaigns.forms import drafts
from campaigns.models import Campaign, Customer, Review, Run, Segment, Template
from delivery.views import campaign_page, run_progress
from tenants import changes, context
from tenants.models import AgendaItem, Change, Retailer, Stop

RECENT = timedelta(days=30)
MOST_RUNS = 200  # that are added up for the figures of the last days
MOST_CHANGES = 8  # of live configuration, the newest
MOST_BUSY = 50  # retailers whose open runs the fleet page lists
_SENT = ("accepted", "delivered")


def overview(request: HttpRequest, page: dict[str, Any]) -> dict[str, Any]:
    """A retailer's overview. Unfold calls it with the context of the page."""
    people = Customer.objects.aggregate(
        all=Count("pk"), reachable=Count("pk", filter=Q(consent_email=True) & ~Q(email=""))
    )
    recent = Run.objects.filter(started_at__gt=timezone.now() - RECENT).select_related("campaign").order_by("-pk")
    runs = list(recent[:MOST_RUNS])
    tallies = run_progress.tallies([run.pk for run in runs])
    ended = [run for run in runs if run.state not in run_progress.OPEN]
    open_runs = Run.objects.open().select_related("campaign", "version").order_by("-pk")[:10]
    return page | {
        "people": people,
        "sent": _sent(tallies),
        "success": _success(tallies),
        "open_runs": [run_progress.page(run) for run in open_runs],
        "scheduled": _scheduled(),
        "last_runs": [_row(run, tallies.get(run.pk, {})) for run in ended[:6]],
        "steps": _steps(people["all"]),
        "reviews": Review.objects.filter(verdict=Review.Verdict.PENDING).select_related("campaign").order_by("pk")[:10],
        "stop_act": campaign_page.stop_everything(),
    }


def fleet(request: HttpRequest, page: dict[str, Any]) -> dict[str, Any]:
    """The platform's first page."""
    by_status = dict(Retailer.objects.values_list("status").annotate(number=Count("pk")).order_by("status"))
    agenda = AgendaItem.objects.aggregate(
        all=Count("pk"),
        due=Count("pk", filter=Q(due_at__lte=timezone.now())),
        parked=Count("pk", filter=~Q(parked_at=None)),
    )
    busy = Retailer.objects.active().filter(agenda__kind__in=["run", "batch"]).distinct().order_by("slug")
    return page | {
        "retailers": sum(by_status.values()),
        "by_status": by_status,
        "agenda": agenda,
        "open_runs": _open_runs(list(busy[:MOST_BUSY])),
        "newest": Retailer.objects.order_by("-created_at")[:5],
        "propagation": changes.propagation(),
        "stops": Stop.objects.select_related("retailer").order_by("at"),
        "is_stopped": Stop.objects.filter(retailer=None).exists(),
        "changes": Change.objects.select_related("retailer").order_by("-pk")[:MOST_CHANGES],
    }


def _sent(tallies: dict[int, dict[str, int]]) -> int:
    return sum(tally.get(state, 0) for tally in tallies.values() for state in _SENT)


def _success(tallies: dict[int, dict[str, int]]) -> float | None:
    """Accepted among those that have been tried, in percent."""
    untried = (*run_progress.WAITING, "cancelled", "expired")
    tried = sum(number for tally in tallies.values() for state, number in tally.items() if state not in untried)
    return 100 * _sent(tallies) / tried if tried else None


def _scheduled() -> list[dict[str, Any]]:
    zone = context.current().tzinfo
    found = Campaign.objects.filter(state=Campaign.State.SCHEDULED).select_related("live").order_by("name")[:10]
    return [
        {"campaign": each, "starts": drafts.trigger_words(each.live.config["trigger"], zone)}
        for each in found
        if each.live
    ]


def _row(run: Run, tally: dict[str, int]) -> dict[str, Any]:
    accepted, all_of_them = sum(tally.get(state, 0) for state in _SENT), sum(tally.values())
    return {"run": run, "messages": all_of_them, "accepted": accepted, "not_sent": all_of_them - accepted}


# Title, what it is about, where it is done.
_STEPS = (
    ("Say who you are", "Sender, colour and postal address stand in every message.", "campaigns_brand_changelist"),
    ("Import customers", "Bring a file here, or send them through the API.", "campaigns_import_add"),
    ("Create a segment", "Say whom you want to reach; see at once how many they are.", "campaigns_segment_add"),
    ("Write a template", "How a message looks, with a preview for a real customer.", "campaigns_template_add"),
    ("Create a campaign", "Segment, template, subject lines and a time.", "campaigns_campaign_add"),
    ("Launch it", "The confirmation shows who gets it and how it looks.", "campaigns_campaign_changelist"),
)


def _steps(customers: int) -> list[dict[str, Any]]:
    """What a new retailer does first, in order. Empty once everything was done."""
    done = [
        bool(content.brand().postal_address),
        customers > 0,
        Segment.objects.exists(),
        Template.objects.exists(),
        Campaign.objects.exists(),
        Run.objects.exists(),
    ]
    if all(done):
        return []
    return [
        {"title": title, "help": about, "url": reverse(f"admin:{url}"), "is_done": is_done}
        for (title, about, url), is_done in zip(_STEPS, done, strict=True)
    ]


def _open_runs(retailers: list[Retailer]) -> list[dict[str, Any]]:
    """Open runs of several retailers in one statement; schema names are quoted identifiers that we generated."""
    if not retailers:
        return []
    part = sql.SQL(
        "SELECT {retailer}, run.id, campaign.name, run.state, run.started_at FROM {schema}.campaigns_run run"
        " JOIN {schema}.campaigns_campaign campaign ON campaign.id = run.campaign_id"
        " WHERE run.state IN ('planned', 'running', 'paused')"
    )
    parts = [part.format(retailer=sql.Literal(each.pk), schema=sql.Identifier(each.schema_name)) for each in retailers]
    by_id = {retailer.pk: retailer for retailer in retailers}
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(" UNION ALL ").join(parts))
        found = cursor.fetchall()
    names = ("run_id", "campaign", "state", "started_at")
    return [{"retailer": by_id[row[0]]} | dict(zip(names, row[1:], strict=True)) for row in found]
