"""Which values a template may print without a look at each: told from the template, looked at once per message.

A variable of the context that is printed as it is, and a field of the items of a list that a loop goes over, are
printed many times and are nearly always short texts and numbers. Where `lets` finds them so, the quick way of
`engine` leaves out the check of each; where it does not, the message goes the thorough way, which checks everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import minijinja

from campaigns.language import filters
from campaigns.language.syntax import Body, Choice, Expression, For, If, Path, Print, Set, Slice
from campaigns.language.vocabulary import VOCABULARY

SHORT = 200  # characters of a value that need no counting: the fuel bounds how many are printed
MOST = 2**63  # of whole numbers, which the template machine has as they are
_ROOTS = {*VOCABULARY, "content"}
_TRUSTED = minijinja.safe("").__class__
_ABSENT = object()
Route = tuple[str, ...]  # a variable and the names below it


class Plain:
    """What the parts of one template print as it is."""

    def __init__(self, trees: Iterable[Body]) -> None:
        bodies = [*trees]
        self._lists = _lists(bodies)
        self._values: set[Route] = set()
        self._fields: dict[Route, set[str]] = {}
        for path in (path for body in bodies for path in _printed(body)):
            if path.root in self._lists and self.is_sure(path):
                for listed in self._lists[path.root]:
                    self._fields.setdefault(listed, set()).add(str(path.steps[0]))
            elif found := route(path):
                self._values.add(found)

    def is_sure(self, path: Path) -> bool:
        """Whether a variable that is printed needs no check of its own once `lets` has said yes."""
        if path.root in self._lists:
            return len(path.steps) == 1 and isinstance(path.steps[0], str)
        return path.root == "loop" or route(path) is not None

    def lets(self, context: Mapping[str, Any]) -> bool:
        """Whether all of it is text or a number, short, and something to see, as far as the context has it.

        What the context lacks is noticed where it is printed.
        """
        for route in self._values:
            if not _is_plain(_found(context, route)):
                return False
        return all(_are_plain(_found(context, route), names) for route, names in self._fields.items())


def _is_plain(value: Any) -> bool:
    kind = value.__class__
    if kind is str:
        return len(value) <= SHORT and ("!" <= value < "\x7f" or not filters.is_missing(value))
    if kind is int:
        return bool(-MOST <= value < MOST)
    if kind is float:
        return not value.is_integer()  # 89.0 is written 89, which takes the check
    return kind is bool or value is _ABSENT or (kind is _TRUSTED and not filters.is_missing(value))


def _are_plain(items: Any, names: set[str]) -> bool:
    if items.__class__ is not list:
        return items is _ABSENT
    for item in items:
        if item.__class__ is not dict:
            return False
        for name in names:
            value = item.get(name, _ABSENT)
            if value.__class__ is str and "!" <= value < "\x7f" and len(value) <= SHORT:
                continue  # as nearly all are: this saves a call
            if not _is_plain(value):
                return False
    return True


def _found(context: Mapping[str, Any], route: Route) -> Any:
    """The value at the end of it, _ABSENT, or None where what lies on the way is no dict."""
    value: Any = context
    for name in route:
        if value.__class__ is not dict:
            return None
        value = value.get(name, _ABSENT)
        if value is _ABSENT:
            return value
    return value


def route(path: Path) -> Route | None:
    """Where in the context a variable is. None for one that begins elsewhere than in the context, or counts items."""
    names = tuple(step for step in path.steps if isinstance(step, str))
    return (path.root, *names) if path.root in _ROOTS and len(names) == len(path.steps) else None


def _lists(bodies: Iterable[Body]) -> dict[str, set[Route]]:
    """Names that stand for an item of a list of the context wherever they stand, with these lists."""
    found: dict[str, set[Route]] = {}
    others: set[str] = set()
    for name, over in (each for body in bodies for each in _bound(body)):
        if over is None:
            others.add(name)
        else:
            found.setdefault(name, set()).add(over)
    return {name: routes for name, routes in found.items() if name not in others}


def _bound(body: Body) -> Iterator[tuple[str, Route | None]]:
    """Every name that a template makes, with the list that it goes over."""
    for node in body:
        match node:
            case Set():
                yield node.name, None
            case If():
                for branch in node.branches:
                    yield from _bound(branch.body)
            case For():
                over = node.over.of if isinstance(node.over, Slice) else node.over
                listed = route(over) if isinstance(over, Path) and len(node.names) == 1 else None
                yield from ((name, listed) for name in node.names)
                yield from _bound(node.body)
                yield from _bound(node.otherwise)


def _printed(body: Body) -> Iterator[Path]:
    for node in body:
        match node:
            case Print():
                yield from _chosen(node.value)
            case If():
                for branch in node.branches:
                    yield from _printed(branch.body)
            case For():
                yield from _printed(node.body)
                yield from _printed(node.otherwise)


def _chosen(value: Expression) -> Iterator[Path]:
    if isinstance(value, Path):
        yield value
    elif isinstance(value, Choice):
        yield from _chosen(value.then)
        yield from _chosen(value.otherwise)
