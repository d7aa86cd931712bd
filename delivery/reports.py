"""What became of a run, read from the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from campaigns import audience
from campaigns.audience import Waterfall
from campaigns.models import Run
from delivery import waves

RECENT = 10.0  # seconds that "now" means of a speed


@dataclass(frozen=True)
class Report:
    """A run in numbers. `steps` counts messages by step and state; the run balances when nobody is missing.

    `recent`: how many messages were settled in the last RECENT seconds.
    """

    run: Run
    waterfall: Waterfall
    steps: dict[str, dict[str, int]]
    variants: dict[str, dict[str, dict[str, int]]]
    reasons: list[tuple[str, str, int]]
    due: dict[str, int]
    recent: int = 0

    @property
    def states(self) -> dict[str, int]:
        """Messages by state over all steps."""
        total: dict[str, int] = {}
        for counts in self.steps.values():
            for state, number in counts.items():
                total[state] = total.get(state, 0) + number
        return total

    @property
    def balances(self) -> bool:
        """Per step that came due, the states add up to the included members."""
        return all(sum(counts.values()) == self.due[step] for step, counts in self.steps.items())

    @property
    def messages(self) -> int:
        return sum(self.states.values())

    @property
    def in_flight(self) -> int:
        return sum(self.states.get(state, 0) for state in ("queued", "claimed"))

    @property
    def delivery_success(self) -> float | None:
        """(accepted + delivered) / (due - expired - cancelled); None while nothing is due."""
        states = self.states
        eligible = self.messages - states.get("expired", 0) - states.get("cancelled", 0)
        return (states.get("accepted", 0) + states.get("delivered", 0)) / eligible if eligible else None

    @property
    def seconds(self) -> float:
        end: datetime | None = self.run.finished_at
        return (end - self.run.started_at).total_seconds() if end else 0.0


def report(run: Run) -> Report:
    waterfall = audience.waterfall(run)
    variants, recent = _variants(run)
    steps = {step: _sum(by_variant.values()) for step, by_variant in variants.items()}
    generated = [step for step in run.generated if step not in steps]
    steps |= {step: {} for step in generated}
    due = {step: _due(run, step, waterfall.included) for step in steps}
    due |= _due_by_wave(run)
    return Report(run, waterfall, steps, variants, _reasons(run), due, recent)


def as_data(report: Report) -> dict[str, Any]:
    """The report as plain JSON data, as the API and `--json` give it."""
    run = report.run
    return {
        "run": run.pk,
        "campaign": run.campaign.key,
        "version": run.version.number,
        "state": run.state,
        "reason": run.reason,
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "candidates": report.waterfall.candidates,
        "included": report.waterfall.included,
        "excluded": report.waterfall.excluded,
        "messages": report.messages,
        "states": report.states,
        "steps": report.steps,
        "variants": report.variants,
        "reasons": [{"state": state, "reason": reason, "count": count} for state, reason, count in report.reasons],
        "balances": report.balances,
        "delivery_success": report.delivery_success,
    }


def _variants(run: Run) -> tuple[dict[str, dict[str, dict[str, int]]], int]:
    """Counts by step, variant and state, what a worker holds now read as claimed; and how many were settled lately."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    recent = 0
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT message.step, message.variant,
                CASE WHEN message.state = 'queued' AND batch.state = 'claimed' THEN 'claimed' ELSE message.state END,
                count(*), count(*) FILTER (WHERE settled_at > clock_timestamp() - make_interval(secs => %s))
            FROM delivery_message message JOIN delivery_batch batch ON batch.id = message.batch_id
            WHERE message.run_id = %s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
            """,
            [RECENT, run.pk],
        )
        for step, variant, state, number, lately in cursor.fetchall():
            found.setdefault(step, {}).setdefault(variant, {})[state] = number
            recent += lately
    return found, recent


def _sum(counts: Any) -> dict[str, int]:
    total: dict[str, int] = {}
    for by_state in counts:
        for state, number in by_state.items():
            total[state] = total.get(state, 0) + number
    return total


def _due(run: Run, step: str, included: int) -> int:
    """How many messages there must be: everyone included, or, while the step is being planned, those reached so far."""
    last = run.generated.get(step, 0)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM campaigns_member WHERE run_id = %s AND is_included AND id <= %s", [run.pk, last]
        )
        reached = int(cursor.fetchone()[0])
    return included if run.state == Run.State.COMPLETED else reached


def _due_by_wave(run: Run) -> dict[str, int]:
    """The same of steps that go out in waves: while waves are to come, those whose wave came."""
    if run.state == Run.State.COMPLETED:
        return {}
    return {step.key: waves.due(run, step) for step in run.version.parsed().steps if step.waves}


def _reasons(run: Run) -> list[tuple[str, str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT state, reason, count(*) FROM delivery_message
            WHERE run_id = %s AND reason <> '' AND state NOT IN ('accepted', 'delivered')
            GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 20
            """,
            [run.pk],
        )
        return list(cursor.fetchall())
