"""What the checks before launch find in the messages of those included: of some as they would read them, of all what
they lack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.utils import timezone

from campaigns import coverage, inspection
from campaigns.coverage import Coverage
from campaigns.inspection import Around, Audience
from campaigns.models import Customer
from delivery import reaching, sampling
from delivery.preflight.asking import Asked
from delivery.sampling import Parts, Said, Sources

PEOPLE = 20  # whose messages are looked at
SECONDS = 15.0  # to count what the audience lacks
_NOBODY = Coverage(0, {})


def of(
    asked: Asked, people: Sequence[Customer], counted: Callable[[Callable[[], Coverage]], Coverage | None]
) -> list[dict[str, Any]]:
    """As plain data, the heaviest first. `people` are some of those included; `counted` does the counting within its
    time, or does without.
    """
    matter = inspection.matter(asked.config)
    reaching.look_up(*inspection.addresses(matter), now=timezone.now())
    names = coverage.variables(matter.sources())
    lacking = counted(lambda: coverage.of(asked.chosen, names, seconds=SECONDS)) if names else None
    audience = Audience(_rendering(matter.seen, people[:PEOPLE]), (lacking or _NOBODY).lacks)
    return [inspection.as_data(told) for told in inspection.look(matter, asked.policy, audience=audience)]


def lines(findings: Sequence[Mapping[str, Any]]) -> list[str]:
    """For a person to read."""
    return [_line(each) for each in findings]


def _line(told: Mapping[str, Any]) -> str:
    where = ", ".join(
        each
        for each in (
            f"step {told['step']}",
            f"variant {' and '.join(told['variants'])}" if told["variants"] else "",
            told["part"],
            f"line {told['line']}, column {told['column']}" if told["line"] else "",
        )
        if each
    )
    return f"{told['severity'].capitalize()}: {where}: {told['message']}. Cure: {told['cure']}."


def _rendering(seen: Around, people: Sequence[Customer]) -> Callable[[Sources, Said], Parts]:
    return lambda sources, values: sampling.live(sources, values, people, seen)
