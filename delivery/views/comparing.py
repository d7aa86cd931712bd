"""Campaigns side by side: the latest runs, each with its rates, machines' part apart."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from campaigns import content
from campaigns.models import Result, Run
from delivery import results
from delivery.results import Numbers
from delivery.views.run_results import rate
from tenants import context
from tenants.console import retailer_console

AT_ONCE = 25  # runs of a page
MOST = 200  # runs, the latest ones, that are put in order by their numbers
USUAL = timedelta(days=90)
COLUMNS = {
    "started": "Run",
    "taken": "Sent",
    "delivered": "Delivered",
    "opened": "Opened",
    "clicked": "Clicked",
    "converted": "Converted",
    "revenue": "Revenue",
    "unsubscribed": "Unsubscribed",
    "complained": "Complained",
}


def compare(request: HttpRequest) -> HttpResponse:
    """The runs begun from `?since=` to `?until=`, by `?sort=`: a column, with a minus before it the other way."""
    zone = context.current().tzinfo
    since, until = _dates(request, zone)
    column, is_falling = _sort(request)
    found = Run.objects.select_related("campaign").order_by("-pk")
    found = found.filter(started_at__gte=_begin(since, zone), started_at__lt=_begin(until + timedelta(days=1), zone))
    if column == "started":
        shown = Paginator(found if is_falling else found.order_by("pk"), AT_ONCE).get_page(request.GET.get("page"))
        numbers = results.totals_of([run.pk for run in shown])
        known = shown.paginator.count
    else:
        latest, known = list(found[:MOST]), found.count()
        numbers = results.totals_of([run.pk for run in latest])
        own = content.brand().currency if column == "revenue" else ""
        in_order = sorted(latest, key=lambda run: _key(numbers.get(run.pk), column, own), reverse=is_falling)
        shown = Paginator(in_order, AT_ONCE).get_page(request.GET.get("page"))
    page = {
        "title": "Results",
        "rows": _rows(shown, numbers),
        "page": shown,
        "columns": COLUMNS,
        "sort": column,
        "is_falling": is_falling,
        "since": since,
        "until": until,
        "only_latest": MOST if column != "started" and known > MOST else 0,
    }
    return render(request, "console/comparison.html", retailer_console.each_context(request) | page)


def _rows(shown: Page[Any], numbers: dict[int, Numbers]) -> list[dict[str, Any]]:
    counted = dict(Result.objects.filter(run__in=[run.pk for run in shown]).values_list("run_id", "as_of"))
    return [
        {
            "run": run,
            "as_of": counted.get(run.pk),
            "numbers": (found := numbers.get(run.pk)),
            "rates": {name: rate(found, name) for name in results.COUNTS} if found else {},
        }
        for run in shown
    ]


def _key(numbers: Numbers | None, column: str, own: str) -> tuple[float, float]:
    """What is not known goes below what is. Revenue in the brand's currency decides; what is in others only where
    there is none: amounts of different currencies have no order.
    """
    if numbers is None:
        return -1.0, 0.0
    if column == "taken":
        return numbers.counts["taken"], 0.0
    if column == "revenue":
        others = [float(amount) for currency, amount in numbers.revenue.items() if currency != own]
        return float(numbers.revenue.get(own, 0)), max(others, default=0.0)
    return numbers.share(column) or 0.0, 0.0


def _sort(request: HttpRequest) -> tuple[str, bool]:
    given = request.GET.get("sort", "-started")
    column = given.removeprefix("-")
    return (column, given.startswith("-")) if column in COLUMNS else ("started", True)


def _dates(request: HttpRequest, zone: tzinfo) -> tuple[date, date]:
    """Both days count. What is no date is told, and the usual one taken."""
    today = timezone.now().astimezone(zone).date()
    usual = {"since": today - USUAL, "until": today}
    for name in usual:
        if given := request.GET.get(name, ""):
            try:
                usual[name] = date.fromisoformat(given)
            except ValueError:
                messages.error(request, f"{name.title()}: give a date as 2026-03-14.")
    until = min(usual["until"], date.max - timedelta(days=2))
    return max(min(usual["since"], until), date(2000, 1, 1)), max(until, date(2000, 1, 1))


def _begin(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone)
