"""The rules of an audience, leaf by leaf: whether each holds of the person, and the value that decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns import audience, sentences
from campaigns.branches import Branch
from campaigns.compiler import Sql
from campaigns.config import rules
from campaigns.config.campaign import CampaignConfig


@dataclass(frozen=True)
class Leaf:
    """A leaf with the segments that lead to it, its condition and what the person has of it."""

    rule: Any
    segments: tuple[str, ...]
    condition: Sql
    actual: Sql


@dataclass(frozen=True)
class Parts:
    """Of each rule (include, and exclude where there is one): its branches and its leaves in order."""

    branches: dict[str, Branch]
    leaves: dict[str, list[Leaf]]

    def columns(self) -> dict[str, Sql]:
        found: dict[str, Sql] = {}
        for name, leaves in self.leaves.items():
            for number, leaf in enumerate(leaves):
                found[f"{name}_{number}"] = Sql(f"({leaf.condition.text}) IS TRUE", leaf.condition.params)
                found[f"{name}_{number}_actual"] = leaf.actual
        return found


def parts(config: CampaignConfig, as_of: datetime, among: Sql) -> Parts:
    """`among` is a query of the person. Raises Invalid for a segment that there is not."""
    asked = {"include": config.audience.include, "exclude": config.audience.exclude}
    branches = {name: audience.branches(rule) for name, rule in asked.items() if rule is not None}
    return Parts(branches, {name: list(_leaves(branch, (), as_of, among)) for name, branch in branches.items()})


def told(asked: Parts, row: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "rule": name,
            "sentence": sentences.sentence(branch.rule),
            "matched": _matched(name, branch, row, len(asked.leaves[name])),
            "leaves": [_leaf(leaf, f"{name}_{n}", row) for n, leaf in enumerate(asked.leaves[name])],
        }
        for name, branch in asked.branches.items()
    ]


def _leaves(branch: Branch, path: tuple[str, ...], as_of: datetime, among: Sql) -> Iterator[Leaf]:
    if branch.kind == "leaf":
        condition = audience.compile_rule(branch.rule, as_of=as_of, among=among)
        yield Leaf(branch.rule, path, condition, audience.actual(branch.rule, as_of=as_of))
    within = (*path, branch.rule.segment) if isinstance(branch.rule, rules.InSegment) else path
    for each in branch.inside:
        yield from _leaves(each, within, as_of, among)


def _matched(name: str, branch: Branch, row: dict[str, Any], number: int) -> bool | None:
    return branch.holds([row[f"{name}_{n}"] for n in range(number)]) if row else None


def _leaf(leaf: Leaf, column: str, row: dict[str, Any]) -> dict[str, Any]:
    actual = row.get(f"{column}_actual")
    return {
        "sentence": f"Someone {sentences.phrase(leaf.rule)}",
        "segments": list(leaf.segments),
        "matched": row.get(column),
        "actual": actual,
        "words": _words(leaf.rule, actual),
    }


def _words(rule: Any, actual: Any) -> str:
    """What the person has, for a marketer to read beside the rule."""
    if isinstance(rule, rules.Event):
        return _event_words(rule, actual)
    if isinstance(rule, rules.Engaged):
        return f"last engaged {actual}" if actual else "never engaged"
    if isinstance(rule, rules.Consented):
        return "has agreed" if actual else "has not agreed"
    if isinstance(rule, rules.Sample):
        return f"drew {actual:.4f}; the share is {rule.sample:g}" if actual is not None else ""
    return "has no value" if actual is None else f"has {actual}"


def _event_words(rule: rules.Event, actual: Any) -> str:
    if not actual:
        return ""
    number = actual["count"]
    told = f"did it {number:,} {'time' if number == 1 else 'times'}"
    if rule.sum is not None:
        told += f", {rule.sum.property} {actual['sum'] or 0:g} in all"
    return told + (f", last on {actual['last'][:10]}" if actual["last"] else "")
