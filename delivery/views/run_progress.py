"""A run as it goes: one page, drawn by the server and kept current by asking for its parts every second."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.utils import timezone

from campaigns import configuration
from campaigns.lifecycle import NotAllowed
from campaigns.models import Member, Run
from delivery import cures, decisions, reconciliation, reports, tempo, waves
from delivery.models import Batch
from delivery.reports import Report
from delivery.views.plans import waterfall_rows
from tenants import bell
from tenants.accounts.models import Role
from tenants.console import may

REGIONS = ("head", "numbers", "unknowns", "waves", "audience", "variants", "reasons", "card")
OPEN = (Run.State.PLANNED, Run.State.RUNNING, Run.State.PAUSED)
# In the order of a message's life: what the bar and the table show from left to right, and what each one means.
STATES = {
    "accepted": "The provider took responsibility",
    "delivered": "The recipient's server confirmed it",
    "claimed": "In a worker's hands",
    "queued": "Waiting for its turn",
    "held": "Kept back for now",
    "bounced": "Came back",
    "rejected": "Refused for good by the provider",
    "failed": "Could not be rendered, or was given up",
    "unknown": "Handed over, but no answer came",
    "expired": "Too late to be useful",
    "cancelled": "Not wanted any more when its turn came",
}
WAITING = ("queued", "claimed", "held")


def page(run: Run) -> dict[str, Any]:
    """What the run's page shows."""
    report = reports.report(run)
    now = timezone.now()
    unknowns = decisions.causes(run) if report.states.get("unknown") else []
    return {
        "run": run,
        "report": report,
        "is_open": run.state in OPEN,
        "is_live": run.state in OPEN or any(cause.looked_into for cause in unknowns),  # worth looking at again
        "waterfall": waterfall_rows(report.waterfall),
        "success": _success(report),
        "states": _states(report),
        "tempo": _tempo(report, now),
        "variants": _variants(report),
        "waves": waves.of(run),
        "reasons": [
            {"state": state, "reason": reason, "count": count, "cure": cures.cure(reason)}
            for state, reason, count in report.reasons
            if state != "unknown"
        ],
        "unknowns": unknowns,
        "held_up": _held_up(run),
        "held_against": _held_against(run),
    }


def progress(request: HttpRequest, pk: int) -> JsonResponse:
    """The run's numbers, and the regions of its page that are asked for (`?regions=head,card`) as they look now."""
    run = get_object_or_404(Run.objects.select_related("campaign", "version"), pk=pk)
    shown = page(run) | {"may_edit": may(request, Role.EDITOR)}
    wanted = request.GET.get("regions", "").split(",")
    regions = {name: render_to_string(f"console/run/{name}.html", shown, request) for name in REGIONS if name in wanted}
    return JsonResponse({"is_open": shown["is_live"], "report": reports.as_data(shown["report"]), "regions": regions})


def pause(request: HttpRequest, pk: int) -> HttpResponse:
    return _move(request, pk, lambda run: configuration.pause(run, reason=f"paused by {request.user}"), "paused")


def resume(request: HttpRequest, pk: int) -> HttpResponse:
    return _move(request, pk, configuration.resume, "going on")


def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    return _move(request, pk, configuration.cancel, "cancelled: what was not handed over yet will not be")


def throttle(request: HttpRequest, pk: int) -> HttpResponse:
    given = request.POST.get("per_minute", "").strip()
    if given and not re.fullmatch(r"[0-9]{1,9}", given, re.ASCII):
        messages.error(request, f"Messages a minute: {given!r} is no whole number. Leave it empty to let the run go.")
        return redirect("admin:campaigns_run_change", pk)
    per_minute = int(given) if given else None
    said = f"held to {per_minute:,} messages a minute" if per_minute else "going as fast as it can"
    return _move(request, pk, lambda run: tempo.throttle(run, per_minute), said)


def words(tally: dict[str, int]) -> str:
    """A run's tally in a few words: `1,830 of 1,834 accepted`."""
    accepted = tally.get("accepted", 0) + tally.get("delivered", 0)
    return f"{accepted:,} of {sum(tally.values()):,} accepted" if tally else "no messages"


def _move(request: HttpRequest, pk: int, act: Any, said: str) -> HttpResponse:
    run = get_object_or_404(Run, pk=pk)
    try:
        act(run)
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
    else:
        bell.ring()
        messages.success(request, f"The run is {said}.")
    return redirect("admin:campaigns_run_change", pk)


def _states(report: Report) -> list[dict[str, Any]]:
    total = report.messages or 1
    return [
        {"state": state, "meaning": meaning, "count": number, "share": 100 * number / total}
        for state, meaning in STATES.items()
        if (number := report.states.get(state, 0))
    ]


def _success(report: Report) -> float | None:
    """In percent, rounded down: what is not whole is not called so."""
    share = report.delivery_success
    return None if share is None else math.floor(1000 * share + 1e-9) / 10


def _tempo(report: Report, now: datetime) -> dict[str, Any]:
    """How fast just now and since the start, how long already, and how long still at the speed of now."""
    run = report.run
    seconds = ((run.finished_at or now) - run.started_at).total_seconds()
    waiting = sum(report.states.get(state, 0) for state in WAITING)
    settled = report.messages - waiting
    average = settled / seconds if seconds > 0 else 0.0
    is_going = run.state == Run.State.RUNNING
    rate = report.recent / min(reports.RECENT, max(seconds, 1.0)) if is_going else average
    return {
        "elapsed": _duration(seconds),
        "speed": _speed(rate),
        "average": _speed(average) if is_going else "",
        "settled": settled,
        "waiting": waiting,
        "left": _duration(waiting / (rate or average)) if average and waiting and is_going else "",
    }


def _speed(rate: float) -> str:
    """Of so many a second; a run that is held back has so many a minute."""
    if rate >= 1:
        return f"{rate:,.0f}/s"
    each_minute = 60 * rate
    return f"{each_minute:.0f}/min" if each_minute >= 1 or not rate else "under 1/min"


def _variants(report: Report) -> list[dict[str, Any]]:
    subjects = {
        (step.key, variant.key): variant.subject
        for step in report.run.version.parsed().steps
        for variant in step.variants
    }
    return [
        {
            "step": step,
            "variant": variant,
            "subject": subjects.get((step, variant)) or "the template's subject",
            "messages": sum(counts.values()),
            "accepted": counts.get("accepted", 0) + counts.get("delivered", 0),
            "waiting": sum(counts.get(state, 0) for state in WAITING),
        }
        for step, by_variant in report.variants.items()
        for variant, counts in by_variant.items()
    ]


def _held_against(run: Run) -> dict[str, Any] | None:
    """The run's audience beside the pre-flight's."""
    found = reconciliation.of(run)
    if found is None:
        return None
    labels = {**dict(Member.Reason.choices), reconciliation.INCLUDED: "Included"}
    rows = [
        {"label": labels.get(reason, reason), "before": before, "after": after, "difference": f"{after - before:+,}"}
        for reason, before, after in reconciliation.differing(found.result)
    ]
    return {
        "rows": rows,
        "words": " ".join(reconciliation.lines(found)),
        "causes": reconciliation.reasons(found),
        "made_at": found.preflight.as_of,
        "by": found.preflight.by,
    }


def _held_up(run: Run) -> str:
    """Why nothing moves, when a provider keeps a batch waiting; of a paused run its own reason is told."""
    if run.state not in OPEN or run.state == Run.State.PAUSED:
        return ""
    held = Batch.objects.filter(run=run, state=Batch.State.QUEUED).exclude(error="").order_by("due_at").first()
    return held.error if held else ""


def _duration(seconds: float) -> str:
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {whole % 60:02} s"
