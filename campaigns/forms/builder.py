"""A whole rule as groups of form rows, and back. Pure. One level of groups stands inside the first."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from campaigns.config import rules
from campaigns.config.gate import Invalid, Problem
from campaigns.config.rules import Rule
from campaigns.forms import rows
from campaigns.forms.rows import Row


@dataclass
class Group:
    """Conditions of which all, any or none must hold."""

    match: str = "all"
    rows: list[Row] = field(default_factory=list)

    @property
    def filled(self) -> list[Row]:
        return [row for row in self.rows if not row.is_blank]


@dataclass
class Tree:
    """What the builder shows: `top`, and groups that stand inside it as further conditions."""

    top: Group = field(default_factory=Group)
    groups: list[Group] = field(default_factory=list)

    @property
    def all_groups(self) -> list[Group]:
        return [self.top, *self.groups]


def tree_of(rule: Rule) -> Tree:
    """The rule laid out in groups and rows; what does not fit is kept as a row that shows it in words."""
    opened = _opened(rule)
    if opened is None:
        return Tree(Group(rows=[rows.row_of(rule)]))
    match, inner = opened
    tree = Tree(Group(match))
    for each in inner:
        nested = _opened(each)
        if nested is None or not _fits(nested[1]):
            tree.top.rows.append(rows.row_of(each))
        else:
            tree.groups.append(Group(nested[0], [rows.row_of(deeper) for deeper in nested[1]]))
    return tree


def read(data: Mapping[str, Any], prefix: str) -> Tree:
    """What was posted. Fields are `prefix-GROUP-match` and `prefix-GROUP-ROW-NAME`; group 0 is the top."""
    matches: dict[int, str] = {0: "all"}
    found: dict[int, dict[int, dict[str, str]]] = {}
    pattern = re.compile(rf"{re.escape(prefix)}-(\d{{1,4}})-(?:(match)|(\d{{1,4}})-(\w{{1,20}}))\Z")
    for name in data:
        if match := pattern.match(name):
            group, is_match, row, field_name = match.groups()
            if is_match:
                matches[int(group)] = data[name]
            else:
                found.setdefault(int(group), {}).setdefault(int(row), {})[field_name] = data[name]
    top, *others = [_group(matches[key], found.get(key, {})) for key in sorted(matches)]
    return Tree(top, [group for group in others if group.filled])


def compose(tree: Tree) -> dict[str, Any]:
    """The rule in plain data, as small as it can be said. Raises Invalid."""
    problems = judge(tree)
    if problems:
        raise Invalid(problems)
    parts = [rows.compose(row) for row in tree.top.filled]
    parts += [_combined(group.match, [rows.compose(row) for row in group.filled]) for group in tree.groups]
    return _combined(tree.top.match, parts)


def judge(tree: Tree) -> list[Problem]:
    """What is wrong with the rows; they then carry their problems, for the builder to show."""
    found: list[Problem] = []
    filled = [row for group in tree.all_groups for row in group.filled]
    for number, row in enumerate(filled, start=1):
        try:
            rows.compose(row)
        except Invalid as invalid:
            row.problems = [problem.message for problem in invalid.problems]
            found += [Problem(f"condition {number}", problem.message) for problem in invalid.problems]
    return found


def _group(match: str, found: dict[int, dict[str, str]]) -> Group:
    known = match if match in _COMBINE else "all"
    return Group(known, [Row(found[key].pop("kind", ""), found[key]) for key in sorted(found)])


_COMBINE: dict[str, Callable[[list[dict[str, Any]]], dict[str, Any]]] = {
    "all": lambda parts: {"all": parts},
    "any": lambda parts: {"any": parts},
    "none": lambda parts: {"not": {"any": parts}},
}


def _combined(match: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
    """An empty rule is `everyone`: a marketer who has written no condition yet excludes nobody."""
    if not parts:
        return {"all": []}
    if len(parts) == 1 and match != "none":
        return parts[0]
    return _COMBINE[match](parts)


def _fits(inner: list[Rule]) -> bool:
    """Whether a nested group can be shown: it says something, and holds conditions only."""
    return bool(inner) and all(_opened(each) is None for each in inner)


def _opened(rule: Rule) -> tuple[str, list[Rule]] | None:
    """A group's match and conditions; None for a rule that is one condition."""
    if isinstance(rule, rules.AllOf):
        return "all", rule.all
    if isinstance(rule, rules.AnyOf):
        return ("any", rule.any) if rule.any else None
    if isinstance(rule, rules.Not) and isinstance(rule.not_, rules.AnyOf) and rule.not_.any:
        return "none", rule.not_.any
    return None
