"""A whole rule as nested groups of form rows, and back. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from campaigns.config import rules
from campaigns.config.gate import Invalid, Problem
from campaigns.config.rules import Rule
from campaigns.forms import rows
from campaigns.forms.rows import Row

MOST_GROUPS, DEEPEST = 300, 12


@dataclass
class Group:
    """Conditions and further groups, of which all, any or none must hold."""

    match: str = "all"
    parts: list[Row | Group] = field(default_factory=list)

    @property
    def rows(self) -> Iterator[Row]:
        """Every condition in it, also in the groups inside, in the order in which they are read."""
        for part in self.parts:
            if isinstance(part, Row):
                yield part
            else:
                yield from part.rows


@dataclass
class Tree:
    """What the builder shows. `asked` is a change of shape that was sent instead of saving: `row:0`, `group:2`."""

    top: Group = field(default_factory=Group)
    asked: str = ""
    is_too_deep: bool = False


def tree_of(rule: Rule) -> Tree:
    """The rule laid out in groups and rows; what does not fit is kept as a row that shows it in words."""
    if isinstance(rule, rules.AllOf) and not rule.all:
        return Tree()
    part = _part(rule, depth=0)
    return Tree(part if isinstance(part, Group) else Group(parts=[part]))


def read(data: Mapping[str, Any], prefix: str) -> Tree:
    """What was posted, in the order in which it was posted.

    Fields are `prefix-GROUP-match`, `prefix-GROUP-in` (the number of the group that it stands in) and
    `prefix-GROUP-ROW-NAME`; group 0 is the top. `prefix-do` asks for a blank row or group in a group.
    """
    reader = _Reader()
    pattern = re.compile(rf"{re.escape(prefix)}-(\d{{1,5}})-(?:(match|in)|(\d{{1,5}})-(\w{{1,20}}))\Z")
    for name in data:
        if match := pattern.match(name):
            group, of_group, row, of_row = match.groups()
            if of_group:
                reader.group(int(group), of_group, data[name])
            else:
                reader.row(int(group), int(row), of_row, data[name])
    asked = reader.change(str(data.get(f"{prefix}-do", "")))
    return Tree(reader.top, asked, reader.is_too_deep)


def compose(tree: Tree) -> dict[str, Any]:
    """The rule in plain data, as small as it can be said. Raises Invalid."""
    problems = judge(tree)
    if problems:
        raise Invalid(problems)
    return _composed(tree.top) or {"all": []}


def judge(tree: Tree) -> list[Problem]:
    """What is wrong with the rows; they then carry their problems, for the builder to show."""
    cure = f"groups stand more than {DEEPEST} deep in one another: take some apart"
    found = [Problem("", cure, "too_deep")] if tree.is_too_deep else []
    filled = [row for row in tree.top.rows if not row.is_blank]
    for number, row in enumerate(filled, start=1):
        row.problems = []
        try:
            rows.compose(row)
        except Invalid as invalid:
            row.problems = invalid.problems
            found += [Problem(f"condition {number}", problem.message, problem.code) for problem in invalid.problems]
    return found


class _Reader:
    """Groups and rows as they come up in what was posted."""

    def __init__(self) -> None:
        self.top = Group()
        self.is_too_deep = False
        self._groups: dict[int, Group] = {0: self.top}
        self._depths: dict[int, int] = {0: 0}
        self._rows: dict[tuple[int, int], Row] = {}

    def group(self, number: int, name: str, value: Any) -> None:
        """`in` comes before anything else of its group; one that names no group seen so far stands in the top."""
        if name == "in" and number not in self._groups and len(self._groups) < MOST_GROUPS:
            self._add(number, int(value) if str(value).isascii() and str(value).isdigit() else 0)
        elif name == "match":
            self._found(number).match = value if value in _COMBINE else "all"

    def row(self, group: int, number: int, name: str, value: Any) -> None:
        row = self._rows.get((group, number))
        if row is None:
            row = self._rows[group, number] = Row("", at=f"{group}-{number}")
            self._found(group).parts.append(row)
        if name == "kind":
            row.kind = str(value)
        else:
            row.values[name] = str(value)

    def change(self, asked: str) -> str:
        """Make the change of shape that was asked for: what it was, or nothing."""
        what, _, number = asked.partition(":")
        group = self._groups.get(int(number)) if number.isascii() and number.isdigit() else None
        if group is None or what not in ("row", "group"):
            return ""
        group.parts.append(Row("attribute") if what == "row" else Group("any", [Row("attribute")]))
        return asked

    def _found(self, number: int) -> Group:
        if number not in self._groups:
            if len(self._groups) >= MOST_GROUPS:
                return self.top
            self._add(number, 0)
        return self._groups[number]

    def _add(self, number: int, inside: int) -> None:
        if self._depths.get(inside, 0) >= DEEPEST:
            self.is_too_deep, inside = True, 0
        made = self._groups[number] = Group()
        self._depths[number] = self._depths.get(inside, 0) + 1
        self._groups.get(inside, self.top).parts.append(made)


_COMBINE: dict[str, Callable[[list[dict[str, Any]]], dict[str, Any]]] = {
    "all": lambda parts: {"all": parts},
    "any": lambda parts: {"any": parts},
    "none": lambda parts: {"not": parts[0] if len(parts) == 1 else {"any": parts}},
}


def _composed(group: Group) -> dict[str, Any] | None:
    """None for a group in which nothing is filled in: it counts for nothing, and excludes nobody."""
    parts = [part for part in map(_composed_part, group.parts) if part is not None]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 and group.match != "none" else _COMBINE[group.match](parts)


def _composed_part(part: Row | Group) -> dict[str, Any] | None:
    if isinstance(part, Group):
        return _composed(part)
    return None if part.is_blank else rows.compose(part)


def _part(rule: Rule, *, depth: int) -> Row | Group:
    opened = _opened(rule)
    if opened is None:
        return rows.row_of(rule)
    if depth > DEEPEST:
        return rows.kept(rule)
    match, inner = opened
    return Group(match, [_part(each, depth=depth + 1) for each in inner])


def _opened(rule: Rule) -> tuple[str, list[Rule]] | None:
    """A group's match and parts; None for a rule that is one condition, or a group of nothing."""
    if isinstance(rule, rules.AllOf):
        return ("all", rule.all) if rule.all else None
    if isinstance(rule, rules.AnyOf):
        return ("any", rule.any) if rule.any else None
    if isinstance(rule, rules.Not):
        return _opened_not(rule)
    return None


def _opened_not(rule: rules.Not) -> tuple[str, list[Rule]] | None:
    inner = rule.not_
    if isinstance(inner, rules.AnyOf):
        return ("none", inner.any) if inner.any else None
    if isinstance(inner, rules.AllOf) and not inner.all:
        return None
    if rows.row_of(rule).kind != "kept":
        return None  # a row says it: did not, is not in
    return "none", [inner]
