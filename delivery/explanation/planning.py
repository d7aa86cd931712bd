"""Which variant of each step the person draws, and when it would come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from campaigns.compiler import Sql
from campaigns.config import policy as bounds
from campaigns.config.campaign import Step
from delivery import weights
from delivery.preflight import timing
from delivery.preflight.asking import Asked
from tenants import context

if TYPE_CHECKING:
    from delivery.explanation.asking import About


def steps(about: About, draw: float | None) -> list[dict[str, Any]]:
    zone = context.current().tzinfo
    asked = Asked(about.config, about.policy, about.limits, about.as_of, Sql(""))
    begins = about.run.started_at if about.run else timing.begin(asked, about.campaign)
    theirs = timing.clocks(about.customer.timezone, zone)
    planned = []
    for step in about.config.steps:
        at = timing.opens(about.config.timing, begins + about.config.delay_of(step), theirs)
        at = bounds.opens_at(about.policy, at, zone) or at
        planned.append(
            {
                "step": step.key,
                "channel": step.channel,
                "variant": variant(step, draw) if draw is not None else None,
                "planned_at": at.isoformat(),
            }
        )
    return planned


def variant(step: Step, draw: float) -> str:
    """As delivery.messages cuts [0, 1) into the variants."""
    return weights.variant(step, weights.cuts(step, weights.equal(step)), draw)
