"""What the API answers."""

from __future__ import annotations

from typing import Any

from campaigns.models import Run
from tests.delivery.numbers import rows
from tests.delivery.numbers.oracles.places import members, states
from tests.delivery.numbers.oracles.results import shown_lift
from tests.delivery.numbers.rows import ask, count, revenue


def data(run: Run) -> dict[str, Any]:
    """Every number of the report as the API gives it, by its place."""
    found, included = states(run), members(run, "is_included")
    sent, eligible = found["accepted"] + found["delivered"], sum(found.values()) - found["expired"] - found["cancelled"]
    told: dict[str, Any] = {
        "candidates": members(run),
        "included": included,
        "excluded.holdout": members(run, "reason = 'holdout'"),
        "messages": sum(found.values()),
        "delivery_success": sent / eligible,
    }
    for state, n in found.items():
        told |= {f"states.{state}": n, f"steps.first.{state}": n}
    for variant, state, n in ask(
        "SELECT variant, state, count(*) FROM delivery_message WHERE run_id = %s GROUP BY 1, 2", run.pk
    ):
        told[f"variants.first.{variant}.{state}"] = n
    reasons = ask(
        "SELECT state, reason, count(*) FROM delivery_message WHERE run_id = %s AND reason <> ''"
        " AND state NOT IN ('accepted', 'delivered') GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2",
        run.pk,
    )
    told |= {f"reasons.{n}.count": counted for n, (_, _, counted) in enumerate(reasons)}
    told |= _told("results.totals", run)
    for dimension in rows.DIMENSIONS:
        for place, (of, condition, params) in enumerate(rows.groups(run, dimension)):
            told |= _told(f"results.by.{dimension}.{place}", run, condition, params)
            told |= {f"results.by.{dimension}.{place}.wave": 0} if "wave" in of else {}
    told |= links(run) | _lift_data(run)
    return {place: value for place, value in told.items() if value is not None}


def _told(place: str, run: Run, condition: str = "TRUE", params: tuple[Any, ...] = ()) -> dict[str, Any]:
    amounts = revenue(run, condition, params).values()
    return {f"{place}.{name}": count(run, name, condition, params) for name in rows.COUNTS} | {
        f"{place}.revenue.{n}.amount": amount for n, amount in enumerate(amounts)
    }


def links(run: Run) -> dict[str, Any]:
    found = ask(
        """SELECT m.variant, s.link, count(*) FILTER (WHERE human >= 50),
            count(DISTINCT m.id) FILTER (WHERE human >= 50), count(*) FILTER (WHERE human < 50)
        FROM delivery_signal s JOIN delivery_message m ON m.id = s.message_id
        WHERE s.kind = 'click' AND s.link > 0 AND m.run_id = %s GROUP BY 1, 2 ORDER BY 1, 2""",
        run.pk,
    )
    names = ("number", "clicks", "messages", "clicks_by_machine")
    return {
        f"results.links.{n}.{name}": value
        for n, (_, *values) in enumerate(found)
        for name, value in zip(names, values, strict=True)
    }


def _lift_data(run: Run) -> dict[str, Any]:
    shown = shown_lift(run)
    told: dict[str, Any] = {"results.lift.detectable": shown.detectable}
    for name, arm in (("reached", shown.reached), ("held_out", shown.held_out)):
        numbers = {"people": arm.people, "converted": arm.converted, "share": arm.share, "mean": arm.mean}
        told |= {f"results.lift.{name}.{what}": value for what, value in numbers.items()}
    for name, found in (("shares", shown.shares), ("amounts", shown.amounts)):
        told |= {f"results.lift.{name}.difference": found.difference, f"results.lift.{name}.relative": found.relative}
        told |= {f"results.lift.{name}.interval.0": found.low, f"results.lift.{name}.interval.1": found.high}
    return told | {f"results.lift.left_out.{currency}": n for currency, n in shown.left_out.items()}
