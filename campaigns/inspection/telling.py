"""What is found, told of a campaign: which step and variants it concerns, and the field of the configuration."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from campaigns.config.check_names import WEIGHT
from campaigns.config.gate import Problem
from campaigns.linting import Finding


@dataclass(frozen=True)
class Told:
    """`path` is the field to change, such as `steps.0.template`; the finding's own field is the part of the message."""

    finding: Finding
    path: str
    step: str = ""
    variants: tuple[str, ...] = ()
    template: str = ""

    def problem(self) -> Problem:
        part = self.finding.field if self.path.endswith(".template") else ""
        place = f"line {self.finding.line}" if self.finding.line else ""
        where = ", ".join(each for each in (f"template {self.template}" if part else "", part, place) if each)
        said = f"{self.finding.message}: {self.finding.cure}"
        return Problem(self.path, f"{where}: {said}" if where else said, self.finding.rule)


def merged(found: Iterable[Told]) -> list[Told]:
    """What several variants have in common once, the heaviest first."""
    by_finding: dict[tuple[Finding, str, str], Told] = {}
    for told in found:
        key = (told.finding, told.path, told.step)
        before = by_finding.get(key)
        variants = (*before.variants, *told.variants) if before else told.variants
        by_finding[key] = Told(told.finding, told.path, told.step, tuple(dict.fromkeys(variants)), told.template)
    return sorted(by_finding.values(), key=lambda told: -WEIGHT[told.finding.severity])


def as_data(told: Told | Finding) -> dict[str, Any]:
    """Plain JSON data. Of a campaign `field` is the configuration's and `part` the message's; of a template both are
    the template's."""
    finding = told if isinstance(told, Finding) else told.finding
    said: dict[str, Any] = {
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        "cure": finding.cure,
        "field": finding.field,
        "part": finding.field,
        "line": finding.line,
        "column": finding.column,
    }
    if isinstance(told, Told):
        said |= {"field": told.path, "step": told.step, "variants": list(told.variants), "template": told.template}
    return said
