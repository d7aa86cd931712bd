"""What became of a run, read from the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from campaigns import audience
from campaigns.audience import Waterfall
from campaigns.models import Run
from delivery import waves

RECENT = 10.0  # seconds that "now" means of a speed
MOST_REASONS = 20
QUICK = 0.3  # seconds that counting a run may take for its ledger to be asked where many runs are listed


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
    variants, reasons, recent = _ledger(run)
    steps = {step: _sum(by_variant.values()) for step, by_variant in variants.items()}
    generated = [step for step in run.generated if step not in steps]
    steps |= {step: {} for step in generated}
    due = {step: _due(run, step, waterfall.included) for step in steps}
    due |= _due_by_wave(run)
    return Report(run, waterfall, steps, variants, reasons, due, recent)


def states_of(run_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Messages by state of several runs, in one statement: from the ledger; of runs so large that this would take long,
    as they were counted last.
    """
    found: dict[int, dict[str, int]] = {}
    if not run_ids:
        return found
    with connection.cursor() as cursor:
        cursor.execute(_STATES, {"runs": list(run_ids), "quick": QUICK})
        for run_id, state, number in cursor.fetchall():
            found.setdefault(run_id, {})[state] = int(number)
    return found


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


def _ledger(run: Run) -> tuple[dict[str, dict[str, dict[str, int]]], list[tuple[str, str, int]], int]:
    """In one pass: counts by step, variant and state, what a worker holds now read as claimed; the commonest reasons of
    what was not taken; and how many were settled lately."""
    variants: dict[str, dict[str, dict[str, int]]] = {}
    reasons, recent = [], 0
    with connection.cursor() as cursor:
        cursor.execute(_LEDGER, {"run": run.pk, "recent": RECENT, "most": MOST_REASONS})
        for step, variant, state, reason, number, lately in cursor.fetchall():
            if step is None:
                reasons.append((state, reason, int(number)))
            else:
                variants.setdefault(step, {}).setdefault(variant, {})[state] = int(number)
                recent += int(lately)
    return variants, reasons, recent


def _sum(counts: Any) -> dict[str, int]:
    total: dict[str, int] = {}
    for by_state in counts:
        for state, number in by_state.items():
            total[state] = total.get(state, 0) + number
    return total


def _due(run: Run, step: str, included: int) -> int:
    """How many messages there must be: everyone included, or, while the step is being planned, those reached so far."""
    if run.state == Run.State.COMPLETED:
        return included
    last = run.generated.get(step, 0)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM campaigns_member WHERE run_id = %s AND is_included AND id <= %s", [run.pk, last]
        )
        return int(cursor.fetchone()[0])


def _due_by_wave(run: Run) -> dict[str, int]:
    """The same of steps that go out in waves: while waves are to come, those whose wave came."""
    if run.state == Run.State.COMPLETED:
        return {}
    return {step.key: waves.due(run, step) for step in run.version.parsed().steps if step.waves}


_LEDGER = """
WITH counted AS MATERIALIZED (
    SELECT message.step, message.variant, message.state,
        CASE WHEN message.state = 'queued' AND batch.state = 'claimed' THEN 'claimed' ELSE message.state END AS shown,
        CASE WHEN message.state IN ('accepted', 'delivered') THEN '' ELSE message.reason END AS reason,
        count(*) AS number,
        count(*) FILTER (WHERE message.settled_at > clock_timestamp() - make_interval(secs => %(recent)s)) AS lately
    FROM delivery_message message JOIN delivery_batch batch ON batch.id = message.batch_id
    WHERE message.run_id = %(run)s GROUP BY 1, 2, 3, 4, 5
)
(SELECT step, variant, shown, NULL AS reason, sum(number), sum(lately) FROM counted GROUP BY 1, 2, 3 ORDER BY 1, 2, 3)
UNION ALL
(SELECT NULL, NULL, state, reason, sum(number), 0 FROM counted WHERE reason <> ''
 GROUP BY state, reason ORDER BY sum(number) DESC, state, reason LIMIT %(most)s)
"""
_STATES = """
WITH large AS MATERIALIZED (
    SELECT run_id FROM campaigns_result WHERE run_id = ANY(%(runs)s::bigint[]) AND seconds >= %(quick)s
)
SELECT run_id, state, sum(messages) AS number FROM campaigns_tally
WHERE run_id = ANY(ARRAY(SELECT run_id FROM large)) AND messages > 0 GROUP BY 1, 2
UNION ALL
SELECT run_id, state, count(*) FROM delivery_message
WHERE run_id = ANY(ARRAY(SELECT unnest(%(runs)s::bigint[]) EXCEPT SELECT run_id FROM large)) GROUP BY 1, 2
ORDER BY 1, 2
"""
