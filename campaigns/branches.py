"""A rule with its segments written out: the branches that groups and segments are, and the leaves that ask something.

Pure: segments are looked up by the function given. The compiler bounds depth and size and refuses circles; whoever
asks for branches has compiled the rule before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from campaigns.config import rules
from campaigns.config.rules import Rule


@dataclass(frozen=True)
class Branch:
    """`kind` says how the branches inside decide; a leaf has none and asks its rule."""

    kind: Literal["all", "any", "not", "segment", "leaf"]
    rule: Rule
    inside: tuple[Branch, ...] = ()

    def leaves(self) -> Iterator[Branch]:
        """In the order in which they are read."""
        if self.kind == "leaf":
            yield self
        for branch in self.inside:
            yield from branch.leaves()

    def segments(self) -> set[str]:
        """The keys of all segments that it names, at whatever depth."""
        own = {self.rule.segment} if isinstance(self.rule, rules.InSegment) else set()
        return own.union(*(branch.segments() for branch in self.inside))

    def holds(self, answers: Sequence[bool]) -> bool:
        """Whether it holds of somebody, given each leaf's answer in order."""
        return self._holds(iter(answers))

    def _holds(self, answers: Iterator[bool]) -> bool:
        if self.kind == "leaf":
            return next(answers)
        told = [branch._holds(answers) for branch in self.inside]
        if self.kind == "any":
            return any(told)
        return not all(told) if self.kind == "not" else all(told)


def of(rule: Rule, segment: Callable[[str], Rule]) -> Branch:
    """The rule's branches. Raises Invalid for a segment that there is not."""
    if isinstance(rule, rules.AllOf):
        return Branch("all", rule, tuple(of(each, segment) for each in rule.all))
    if isinstance(rule, rules.AnyOf):
        return Branch("any", rule, tuple(of(each, segment) for each in rule.any))
    if isinstance(rule, rules.Not):
        return Branch("not", rule, (of(rule.not_, segment),))
    if isinstance(rule, rules.InSegment):
        return Branch("segment", rule, (of(segment(rule.segment), segment),))
    return Branch("leaf", rule)
