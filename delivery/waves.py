"""Waves: slices of a step's members that are released one after the other.

Reads    Run, Member
Writes   Wave
Promise  every member falls into one wave, the same one however often it is asked; a wave's shares are written once

A member's wave comes from the same draw as its variant, and from other digits of it: the 20 binary digits after the
point pick the variant, the 32 behind them the wave. So the two are independent, whatever the shares are, and every
wave is a random slice of every variant. It is never the order of members, who stand in that of their arrival.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from campaigns.config.campaign import CampaignConfig, Step
from campaigns.models import Run
from delivery import weights
from delivery.models import Wave

# The wave of a draw, from 1; both are expressions.
NUMBER = "(1 + floor(({draw} * 1048576 - floor({draw} * 1048576)) * {waves}))::int"


def are_there(config: CampaignConfig) -> bool:
    return any(step.waves for step in config.steps)


def of(run: Run) -> Sequence[Wave]:
    """In the order of steps and waves; no question is asked for a run that has none."""
    config = run.version.parsed()
    if not are_there(config):
        return []
    order = [step.key for step in config.steps]
    return sorted(Wave.objects.filter(run_id=run.pk), key=lambda wave: (order.index(wave.step), wave.number))


def as_data(run: Run) -> list[dict[str, Any]]:
    return [
        {
            "step": wave.step,
            "number": wave.number,
            "state": wave.state,
            "opens_at": wave.opens_at.isoformat(),
            "opened_at": wave.opened_at.isoformat() if wave.opened_at else None,
            "size": wave.size,
            "weights": wave.weights,
        }
        for wave in of(run)
    ]


def waiting(run: Run, step: Step, *, due_at: datetime) -> list[Wave]:
    """Those not released yet, in order. The first call writes them down, from the moment the step came due."""
    known = Wave.objects.filter(run_id=run.pk, step=step.key)
    found = list(known.order_by("number"))
    if not found and step.waves:
        slice_of_time = step.waves.over / step.waves.waves
        planned = [
            Wave(run_id=run.pk, step=step.key, number=n + 1, opens_at=due_at + n * slice_of_time)
            for n in range(step.waves.waves)
        ]
        Wave.objects.bulk_create(planned, ignore_conflicts=True)
        found = list(known.order_by("number"))
    return [wave for wave in found if wave.state != Wave.State.RELEASED]


@transaction.atomic
def open_now(run: Run, step: Step, wave: Wave, *, now: datetime) -> None:
    """Write down the variants' shares; a wave that is open already keeps those it has.

    One that is late by more than a slice, for example after a pause, moves the ones behind it: they keep their
    distance, and what was learned of one still tells for the next.
    """
    locked = Wave.objects.select_for_update().get(pk=wave.pk)
    if locked.state == Wave.State.PLANNED and step.waves:
        late = now - locked.opens_at
        if late > step.waves.over / step.waves.waves:
            behind = Wave.objects.filter(run_id=run.pk, step=step.key, number__gte=locked.number)
            behind.update(opens_at=F("opens_at") + late)
            locked.opens_at = now
        locked.state, locked.opened_at = Wave.State.OPEN, now
        locked.weights = weights.decide(run, step, wave=locked.number)
        locked.save(update_fields=["state", "opened_at", "weights"])
    wave.refresh_from_db()


def due(run: Run, step: Step) -> int:
    """Members whose wave made their messages: all of a released one, and of one being made those reached so far."""
    if step.waves is None:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"waves": step.waves.waves, "run": run.pk, "step": step.key})
        return int(cursor.fetchone()[0])


_DUE = f"""
SELECT count(*) FROM campaigns_member member
JOIN delivery_wave wave ON wave.number = {NUMBER.format(draw="member.draw", waves="%(waves)s")}
WHERE member.run_id = %(run)s AND member.is_included AND wave.run_id = %(run)s AND wave.step = %(step)s
  AND (wave.state = 'released' OR member.id <= wave.generated)
"""
