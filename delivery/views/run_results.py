"""What a run brought about: its funnel, its lift, and its numbers by anything that is told apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from campaigns import audience, belonging
from campaigns.models import Result, Run, Segment
from delivery import lift_words, results
from delivery.results import Numbers
from delivery.showing import heat
from tenants import context
from tenants.console import retailer_console

RUNS = Run.objects.select_related("campaign", "version")
FIRST = "variant"
TITLES = {
    "variant": "Variant",
    "domain": "Receiving domain",
    "provider": "Provider",
    "channel": "Channel",
    "segment": "Segment",
    "step": "Step",
    "wave": "Wave",
    "hour": "Hour",
}
MOST_ROWS = 100  # shown of a table; its file has all
MOST_BARS = 72  # hours of the chart; more are shown by the day
# Of complaints per delivered message: from here on mailbox providers grow wary, from there on they block.
WARY, BLOCKED = 0.0008, 0.002
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 720, 180, 46, 10, 22  # of the chart, in its own units


def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One run's results, by `?by=`, one of TITLES."""
    run = get_object_or_404(RUNS, pk=pk)
    dimension = request.GET.get("by", FIRST)
    if dimension not in TITLES:
        raise Http404("Results are not told apart by that.")
    shown = retailer_console.each_context(request) | page(run, dimension, now=timezone.now())
    return render(request, "console/results.html", shown | {"title": f"Results: {run}", "run": run})


def page(run: Run, dimension: str, *, now: datetime) -> dict[str, Any]:
    result = results.current(run, now=now)
    if result is None:
        return {"result": None}
    totals, zone = results.totals(run), context.current().tzinfo
    hours = results.by(run, "hour")
    found = hours if dimension == "hour" else results.by(run, dimension)
    return {
        "result": result,
        "totals": totals,
        "rates": {name: rate(totals, name) for name in results.COUNTS},
        "steps": len(run.version.parsed().steps),
        "funnel": _funnel(totals, audience.waterfall(run)),
        "complaints": _complaints(totals),
        "goal": run.version.parsed().goal,
        "lift": _lift(run, result, now=now),
        "has_links": bool(heat.choices(run.version.parsed())),
        "dimension": dimension,
        "dimensions": TITLES,
        "rows": _rows(_ordered(found, dimension)[:MOST_ROWS], dimension, run, zone),
        "is_capped": dimension == "segment" and len(found) >= belonging.MOST_NOTED,
        "most_segments": belonging.MOST_NOTED,
        "left_out": max(0, len(found) - MOST_ROWS),
        "chart": chart(hours, zone),
    }


def rate(numbers: Numbers, name: str) -> float | None:
    """In percent of what providers took."""
    share = numbers.share(name)
    return None if share is None else 100 * share


def _funnel(totals: Numbers, waterfall: audience.Waterfall) -> list[dict[str, Any]]:
    """From everybody to who did what was wanted; each share says of what."""
    counts = totals.counts
    sent, widest = counts["taken"], max(waterfall.candidates, counts["messages"]) or 1

    def step(label: str, count: int, of: int, whose: str, machines: int = 0) -> dict[str, Any]:
        share = 100 * count / of if of else None
        return {"label": label, "count": count, "share": share, "of": whose, "machines": machines,
                "width": min(100.0, 100 * count / widest)}  # fmt: skip

    return [
        step("Candidates", waterfall.candidates, 0, ""),
        step("Included", waterfall.included, waterfall.candidates, "of the candidates"),
        step("Sent", sent, counts["messages"], "of the messages"),
        step("Delivered", counts["delivered"], sent, "of those sent"),
        step("Opened", counts["opened"], sent, "of those sent", counts["opened_by_machine"]),
        step("Clicked", counts["clicked"], sent, "of those sent", counts["clicked_by_machine"]),
        step("Converted", counts["converted"], sent, "of those sent"),
    ]


def _complaints(totals: Numbers) -> str:
    """How bad: a tone."""
    share = totals.share("complained") or 0.0
    return "bad" if share >= BLOCKED else "warn" if share >= WARY else ""


def _lift(run: Run, result: Result, *, now: datetime) -> lift_words.Told | None:
    config, shown = run.version.parsed(), results.lift_of(run, result, now=now)
    if shown is None or config.goal is None:
        return None
    zone = context.current().tzinfo
    return lift_words.told(shown, config.goal.event, holdout=config.audience.holdout, zone=zone)


def _ordered(found: Sequence[Numbers], dimension: str) -> Sequence[Numbers]:
    """Domains, providers, channels and segments by size, everything else in its own order."""
    if dimension not in ("domain", "provider", "channel", "segment"):
        return found
    return sorted(found, key=lambda each: -each.counts["messages"])


def _rows(found: Sequence[Numbers], dimension: str, run: Run, zone: tzinfo) -> list[dict[str, Any]]:
    rows = [_row(each, dimension, run, zone) for each in found]
    if dimension == "segment":
        names = dict(Segment.objects.filter(key__in=[row["label"] for row in rows]).values_list("key", "name"))
        for row in rows:
            row["label"] = names.get(row["label"], row["label"])
    return rows


def _row(numbers: Numbers, dimension: str, run: Run, zone: tzinfo) -> dict[str, Any]:
    return {
        "label": _LABELS.get(dimension, _plain)(numbers.of, run, zone),
        "counts": numbers.counts,
        "revenue": numbers.revenue,
        "rates": {name: rate(numbers, name) for name in results.COUNTS},
    }


def _plain(of: dict[str, Any], run: Run, zone: tzinfo) -> str:
    return ", ".join(str(value) for value in of.values()) or "none"


def _variant(of: dict[str, Any], run: Run, zone: tzinfo) -> str:
    return of["variant"] if len(run.version.parsed().steps) == 1 else f"{of['step']}, {of['variant']}"


def _wave(of: dict[str, Any], run: Run, zone: tzinfo) -> str:
    wave = f"wave {of['wave']}" if of["wave"] else "all at once"
    return wave if len(run.version.parsed().steps) == 1 else f"{of['step']}, {wave}"


_LABELS: dict[str, Callable[[dict[str, Any], Run, tzinfo], str]] = {
    "variant": _variant,
    "wave": _wave,
    "hour": lambda of, run, zone: f"{of['hour'].astimezone(zone):%-d %b %Y, %H:%M}",
    "domain": lambda of, run, zone: {"": "no mail domain", "other": "all others"}.get(of["domain"], of["domain"]),
    "provider": lambda of, run, zone: of["provider"] or "not handed over",
    "segment": lambda of, run, zone: of["segment"] or "in none of them",
}


def chart(hours: Sequence[Numbers], zone: tzinfo) -> dict[str, Any] | None:
    """Bars of what was sent by the hour it went out, with what of it was opened and clicked within them.

    Hours are told apart as instants: of the one that the clocks show twice there are two.
    """
    found = {each.of["hour"].astimezone(UTC): each.counts for each in hours if each.counts["taken"]}
    if not found:
        return None
    step = timedelta(hours=1)
    first, last = min(found), max(found)
    if (last - first) / step >= MOST_BARS:
        found, step = _by_day(found, zone), timedelta(days=1)
        first, last = min(found), max(found)
    places = min(round((last - first) / step) + 1, 10 * MOST_BARS)
    highest = max(counts["taken"] for counts in found.values())
    width, floor = (WIDTH - LEFT) / places, HEIGHT - BOTTOM

    def bar(at: datetime, counts: dict[str, int]) -> dict[str, Any]:
        tall = {name: round((floor - TOP) * counts[name] / highest, 1) for name in ("taken", "opened", "clicked")}
        shown = at.astimezone(zone)
        said = f"{shown:%-d %b, %H:%M}" if step == timedelta(hours=1) else f"{shown:%-d %b %Y}"
        told = f"{counts['taken']:,} sent, {counts['opened']:,} opened, {counts['clicked']:,} clicked"
        parts = [{"name": name, "y": round(floor - high, 1), "height": high} for name, high in tall.items()]
        return {"x": round(LEFT + width * round((at - first) / step) + width * 0.1, 2), "parts": parts,
                "title": f"{said}: {told}"}  # fmt: skip

    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "floor": floor,
        "top": TOP,
        "highest": highest,
        "bar": round(min(width * 0.8, 60), 2),
        "bars": [bar(at, found[at]) for at in sorted(found)],
        "first": first.astimezone(zone),
        "last": last.astimezone(zone) if places > 1 else None,
        "by": "day" if step == timedelta(days=1) else "hour",
    }


def _by_day(hours: dict[datetime, dict[str, int]], zone: tzinfo) -> dict[datetime, dict[str, int]]:
    days: dict[datetime, dict[str, int]] = {}
    for at, counts in hours.items():
        day = days.setdefault(at.astimezone(zone).replace(hour=0, minute=0, fold=0), dict.fromkeys(counts, 0))
        for name, count in counts.items():
            day[name] += count
    return days
