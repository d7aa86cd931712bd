"""The page of a sender's domain: its ramp, what today takes and why it waits, and what its DNS says."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from campaigns.config.gate import Invalid
from delivery.models import SenderDomain
from delivery.senders import checking, in_use, reserved
from delivery.warmup import acts, ramping, schedule, standing
from delivery.warmup.standing import Row
from tenants import acting, context
from tenants.accounts.models import AuditEntry
from tenants.console import retailer_console

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 560.0, 170.0, 44.0, 22.0, 12.0
HISTORY = 10
_SAID = {
    "begin": "The warm-up of {} has begun: each day is bounded from now on.",
    "hold": "The warm-up of {} is held: every day gets what this one gets.",
    "go-on": "The warm-up of {} goes on.",
}


def page(request: HttpRequest, pk: int) -> HttpResponse:
    sender = get_object_or_404(SenderDomain, pk=pk)
    now, zone = timezone.now(), context.current().tzinfo
    rows = standing.of(sender, now=now, zone=zone)
    shown = retailer_console.each_context(request) | {
        "title": f"Sender domain {sender.domain}",
        "sender": sender,
        "rows": rows,
        "used": sum(row.used for row in rows),
        "budget": standing.whole([row.budget for row in rows]),
        "waiting": sum(row.waiting or 0 for row in rows),
        "chart": _chart(sender, rows),
        "past": _bars(standing.past(sender, today=now.astimezone(zone).date())) if rows else [],
        "found": _found(sender),
        "starts": acts.START,
        "takes": acts.DAYS,
        "bounds": schedule,
        "history": _history(sender),
    }
    return render(request, "console/sender.html", shown)


def check(request: HttpRequest, pk: int) -> HttpResponse:
    """Look it up in DNS now."""
    sender = get_object_or_404(SenderDomain, pk=pk)
    found = checking.of(sender.domain, now=timezone.now(), anew=True)
    tell = messages.error if found["state"] == "error" else messages.success
    tell(request, f"{sender.domain}: {found['words']}")
    return redirect("admin:delivery_senderdomain_change", pk)


def write_selectors(request: HttpRequest, pk: int) -> HttpResponse:
    sender = get_object_or_404(SenderDomain, pk=pk)
    words = request.POST.get("selectors", "")[:1000].replace(",", " ").split()
    return _answered(request, pk, lambda: in_use.set_selectors(sender, words), "Saved.")


def act(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Begin, hold or go on with a warm-up. To skip or finish one is for the platform's staff, by command."""
    sender = get_object_or_404(SenderDomain, pk=pk)
    options: dict[str, Any] = {"reason": acting.current().reason}
    if name == "begin":
        options |= {each: _number(request, each) for each in ("start", "days", "peak") if request.POST.get(each)}

    def do() -> None:
        acts.ACTS[name](sender.domain, now=timezone.now(), **options)

    return _answered(request, pk, do, _SAID[name].format(sender.domain))


def _answered(request: HttpRequest, pk: int, do: Callable[[], object], said: str) -> HttpResponse:
    try:
        do()
    except Invalid as invalid:
        for problem in invalid.problems:
            messages.error(request, f"{problem.field}: {problem.message}.")
    else:
        messages.success(request, said)
    return redirect("admin:delivery_senderdomain_change", pk)


def _number(request: HttpRequest, name: str) -> int:
    """Beyond every bound where it is none."""
    text = request.POST[name].strip().replace(",", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else -1


def _found(sender: SenderDomain) -> dict[str, Any]:
    if reason := reserved.why(sender.domain):
        return {"state": checking.SKIPPED, "words": f"{reason}.", "findings": []}
    return dict(sender.findings)


def _history(sender: SenderDomain) -> list[AuditEntry]:
    """Its own, and those of its groups of receivers."""
    mine = Q(key=sender.domain) | Q(key__startswith=f"{sender.domain} ")
    return list(AuditEntry.objects.filter(mine, kind=ramping.KIND).order_by("-pk")[:HISTORY])


def _chart(sender: SenderDomain, rows: list[Row]) -> dict[str, Any] | None:
    """The ramp as a line, on a scale of powers of ten, with a mark for each group."""
    if not rows:
        return None
    ramp = ramping.ramp(sender)
    low, high = math.log10(ramp.start), max(math.log10(ramp.peak), math.log10(ramp.start) + 0.1)

    def across(step: float) -> float:
        return round(LEFT + (WIDTH - LEFT - 12) * min(step, ramp.days) / ramp.days, 1)

    def up(messages: float) -> float:
        share = (math.log10(messages) - low) / (high - low)
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - share), 1)

    line = [(across(day), up(ramp.budget(day) or ramp.peak)) for day in range(ramp.days + 1)]
    ticks = sorted({ramp.start, ramp.peak, *(10**n for n in range(2, 8) if 1.6 * ramp.start < 10**n < ramp.peak / 1.6)})
    marks: dict[float, list[str]] = {}
    for row in rows:
        marks.setdefault(min(row.step, float(ramp.days)), []).append(row.label)
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "floor": HEIGHT - BOTTOM,
        "line": " ".join(f"{x},{y}" for x, y in line),
        "ticks": [{"y": up(each), "label": _short(each)} for each in ticks],
        "days": [{"x": across(day), "label": f"day {day + 1}"} for day in range(0, ramp.days, 7)],
        "marks": [
            {"x": across(step), "y": up(ramp.budget(step) or ramp.peak), "label": ", ".join(names)}
            for step, names in sorted(marks.items())
        ],
    }


def _short(number: int) -> str:
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return str(number)


def _bars(days: dict[Any, int]) -> list[dict[str, Any]]:
    highest = max(days.values(), default=0) or 1
    return [{"day": day, "count": number, "share": 100 * number / highest} for day, number in days.items()]
