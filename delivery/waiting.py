"""Waiting for a run from a terminal: help to carry it, say what holds it up, and show its ledger."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from campaigns.models import Run
from delivery import decisions, pipeline
from delivery.models import Batch
from delivery.reports import Report
from tenants.models import Retailer

SAY_EVERY = 5.0  # seconds between words about what holds a run up
SETTLING = 30.0  # seconds for what is unknown when a run ends
_OPEN = (Run.State.PLANNED, Run.State.RUNNING)


def until_ended(run: Run, retailer: Retailer, *, seconds: float, say: Callable[[str], object]) -> bool:
    """Work on the retailer's agenda, beside any workers, until the run has ended. False when time ran out first.

    What is unknown then, and may be found out in a moment, is waited for a little.
    """
    pause, deadline, said = threading.Event(), time.monotonic() + seconds, time.monotonic()
    while run.state in _OPEN and time.monotonic() < deadline:
        if not pipeline.work(seconds=1.0, retailer=retailer):
            if time.monotonic() - said > SAY_EVERY:
                said = time.monotonic()
                say(_held_up_by(run))
            pause.wait(0.2)
        run.refresh_from_db()
    deadline = min(deadline, time.monotonic() + SETTLING)
    while run.state not in _OPEN and time.monotonic() < deadline and decisions.are_looked_into(run):
        if not pipeline.work(seconds=1.0, retailer=retailer):
            pause.wait(0.2)
    return run.state not in _OPEN


def ledger(report: Report) -> str:
    """The run in words and columns."""
    run, waterfall = report.run, report.waterfall
    lines = [
        f"{run.campaign.name}: run {run.pk}, version {run.version.number}, {run.state}",
        f"  candidates {waterfall.candidates:>9,}",
        f"    included {waterfall.included:>9,}",
        *(f"    excluded {number:>9,}  {reason}" for reason, number in waterfall.excluded.items()),
        f"  messages   {report.messages:>9,}",
        *(f"    {state:<9}{number:>9,}" for state, number in sorted(report.states.items())),
        *(f"      {number:,} {state}: {reason}" for state, reason, number in report.reasons[:5]),
        "  balances" if report.balances else "  DOES NOT BALANCE",
    ]
    if report.seconds:
        lines.append(f"  {report.seconds:.1f} s, {report.messages / report.seconds:,.0f} messages/s")
    return "\n".join(lines)


def _held_up_by(run: Run) -> str:
    held = Batch.objects.filter(run=run, state=Batch.State.QUEUED).exclude(error="").order_by("due_at").first()
    if held is None:
        return "Waiting for messages that are due later or in a worker's hands ..."
    return f"Waiting: {held.error} Next try at {held.due_at:%H:%M:%S} UTC; nothing is lost."
