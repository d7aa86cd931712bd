"""A retailer's first page: how the last thirty days went, what runs, what comes, and what needs a person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from campaigns.forms import drafts
from campaigns.models import Campaign, Customer, Review, Run
from delivery import needs, reports, summary
from delivery.summary import Summary
from delivery.views import campaign_page, run_progress
from tenants import context
from tenants.objectives import PAUSE, WARN

RECENT = timedelta(days=30)
MOST_RUNS = 10  # of the open ones
_SENT = ("accepted", "delivered")


def overview(request: HttpRequest, page: dict[str, Any]) -> dict[str, Any]:
    """Unfold calls it with the context of the page."""
    now = timezone.now()
    people = Customer.objects.aggregate(
        all=Count("pk"), reachable=Count("pk", filter=Q(consent_email=True) & ~Q(email=""))
    )
    runs = Run.objects.select_related("campaign")
    open_runs = list(runs.open().order_by("-pk")[:MOST_RUNS])
    ended = list(runs.filter(started_at__gt=now - RECENT).exclude(state__in=run_progress.OPEN).order_by("-pk")[:6])
    tallies = reports.states_of([run.pk for run in (*open_runs, *ended)])
    return page | {
        "people": people,
        "figures": _figures(summary.summarise(now - RECENT, now + timedelta(hours=1))),
        "open_runs": [_card(run, tallies.get(run.pk, {})) for run in open_runs],
        "scheduled": _scheduled(),
        "last_runs": [_row(run, tallies.get(run.pk, {})) for run in ended],
        "steps": _steps(people["all"]),
        "reviews": Review.objects.filter(verdict=Review.Verdict.PENDING).select_related("campaign").order_by("pk")[:10],
        "needs": needs.beside(open_runs),
        "stop_act": campaign_page.stop_everything(),
    }


def _figures(found: Summary) -> dict[str, Any]:
    tried = found.tried.tried
    names = ("opened", "opened_by_machine", "clicked", "clicked_by_machine", "unsubscribed", "bounced", "converted")
    return {
        **found.counts,
        "tried": tried,
        "success": 100 * found.counts["delivered"] / tried if tried else None,
        "percent": {name: found.percent(name) for name in names},
        "revenue": found.revenue,
        "complaints": found.complaints,
        "receivers": found.receivers.items(),
        "warn": 100 * WARN,
        "warn_at": 100 * WARN / PAUSE,
        "pause": 100 * PAUSE,
    }


def _card(run: Run, tally: dict[str, int]) -> dict[str, Any]:
    """What is drawn at once; the page asks for the rest of it, and goes on asking."""
    total = sum(tally.values())
    states = [
        {"state": state, "count": tally[state], "share": 100 * tally[state] / total}
        for state in run_progress.STATES
        if tally.get(state)
    ]
    settled = total - sum(tally.get(state, 0) for state in run_progress.WAITING)
    return {"run": run, "report": {"messages": total}, "states": states, "tempo": {"settled": settled}}


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


_DONE = """
SELECT EXISTS (SELECT FROM campaigns_brand WHERE postal_address <> ''), EXISTS (SELECT FROM campaigns_segment),
    EXISTS (SELECT FROM campaigns_template), EXISTS (SELECT FROM campaigns_campaign),
    EXISTS (SELECT FROM campaigns_run)
"""


def _steps(customers: int) -> list[dict[str, Any]]:
    """What a new retailer does first, in order. Empty once everything was done."""
    with connection.cursor() as cursor:
        cursor.execute(_DONE)
        brand, *rest = cursor.fetchone()
    done = [brand, customers > 0, *rest]
    if all(done):
        return []
    return [
        {"title": title, "help": about, "url": reverse(f"admin:{url}"), "is_done": is_done}
        for (title, about, url), is_done in zip(_STEPS, done, strict=True)
    ]
