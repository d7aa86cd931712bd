"""The waterfall, and whom each step's channel can reach of those included: one statement."""

from __future__ import annotations

from typing import Any

from campaigns import exclusions
from campaigns.compiler import Sql
from delivery.preflight.asking import Asked, rows

SECONDS = 30.0


def of(asked: Asked) -> dict[str, Any]:
    first = asked.config.steps[0].channel
    others = sorted({step.channel for step in asked.config.steps} - {first})
    columns: list[str] = []
    params: list[Any] = []
    for channel in others:
        why = exclusions.case(exclusions.unreachable(channel, asked.config.topic))
        columns.append(f"{why.text} AS why_{channel}")
        params += why.params
    facts = "JOIN campaigns_facts f ON f.customer_id = judged.customer_id" if others else ""
    named = ", ".join(["judged.reason", *columns])
    groups = ", ".join(str(number + 1) for number in range(len(others) + 1))
    told = f"SELECT {named} FROM ({asked.chosen.text}) judged {facts}"
    counted = Sql(f"SELECT *, count(*) FROM ({told}) told GROUP BY {groups}", (*params, *asked.chosen.params))
    found = rows(counted, seconds=SECONDS)
    by_reason: dict[str, int] = {}
    for reason, *_, number in found:
        by_reason[reason] = by_reason.get(reason, 0) + number
    included = by_reason.get("", 0)
    missed = {channel: _missed(found, place + 1) for place, channel in enumerate(others)}
    return {
        "candidates": sum(by_reason.values()),
        "included": included,
        "excluded": {str(reason): by_reason[reason] for reason in exclusions.PRECEDENCE if reason in by_reason},
        "steps": [_step(step.key, step.channel, included, missed.get(step.channel, {})) for step in asked.config.steps],
    }


def _missed(counted: list[tuple[Any, ...]], place: int) -> dict[str, int]:
    """Of those included, how many a channel cannot reach, by reason."""
    found: dict[str, int] = {}
    for row in counted:
        if row[0] == "" and row[place]:
            found[row[place]] = found.get(row[place], 0) + row[-1]
    return {str(reason): found[reason] for reason in exclusions.PRECEDENCE if reason in found}


def _step(key: str, channel: str, included: int, missed: dict[str, int]) -> dict[str, Any]:
    return {"step": key, "channel": channel, "reached": included - sum(missed.values()), "missed": missed}
