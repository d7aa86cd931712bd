"""Checks of a message before it goes out: what would be seen, clipped, mistaken for spam, or is not the brand's way.

Each rule looks at a `Sample` and tells what it found, with its place and cure; `roll.RULES` names them all. Nothing is
fetched and nothing is stored: `called` tells what somebody else could fetch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from campaigns.config.check_names import WEIGHT, CheckName, Severity, heavier
from campaigns.linting.links import called
from campaigns.linting.page import marked, unmarked
from campaigns.linting.roll import RULES, Rule
from campaigns.linting.sample import Finding, Found, Lack, Sample

__all__ = ["RULES", "Finding", "Lack", "Rule", "Sample", "called", "look", "marked", "unmarked", "weights"]

MOST = 20  # of one rule that are told one by one
Weights = Mapping[CheckName, Severity]


def weights(raised: Weights | None = None, off: frozenset[str] = frozenset()) -> dict[CheckName, Severity]:
    """How much each check weighs: as the roll says, or more where somebody asked for it; those `off` not at all."""
    asked = raised or {}
    return {
        name: heavier(rule.severity, asked.get(name, rule.severity))
        for name, rule in RULES.items()
        if name in asked or name not in off
    }


def look(sample: Sample, weighing: Weights | None = None) -> list[Finding]:
    """Everything found, the heaviest first, each once. `weighing` as `weights` gives it; without: as the roll says."""
    chosen = weights() if weighing is None else weighing
    found = dict.fromkeys(
        finding for name in RULES if name in chosen for finding in _found(name, RULES[name], sample, chosen[name])
    )
    return sorted(found, key=lambda finding: -WEIGHT[finding.severity])


def _found(name: CheckName, rule: Rule, sample: Sample, severity: Severity) -> Iterator[Finding]:
    if sample.channel not in rule.channels:
        return
    told = list(dict.fromkeys(rule.find(sample)))
    for each in told[:MOST]:
        weight = each.severity if each.severity and severity == rule.severity else severity
        yield Finding(name, weight, each.message, each.cure, each.field, each.line, each.column)
    if len(told) > MOST:
        yield _more(name, severity, len(told) - MOST, told[0])


def _more(name: CheckName, severity: Severity, number: int, first: Found) -> Finding:
    return Finding(name, severity, f"{number} more of the same", first.cure, first.field)
