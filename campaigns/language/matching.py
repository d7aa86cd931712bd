"""What of a part's tree patterns are made for: variables as they are or through simple filters, and loops of these."""

from __future__ import annotations

from collections.abc import Mapping

from campaigns.language.patterns import Count, Field, Hole, Loop
from campaigns.language.plain import route
from campaigns.language.printing import Call, Manner
from campaigns.language.syntax import Body, Expression, Filtered, For, Literal, Node, Path, Print, Set, Slice, Text
from campaigns.language.vocabulary import OUR_LINKS

_FILTERS = ("capitalize", "lower", "title", "trim", "truncate", "truncatewords", "upper")
_MOST_TEXT = 2000  # characters that a loop repeats: of more, the template machine counts each time
_MOST_PIECES = 6  # for the template machine: of more, it makes the whole part


class Beyond(Exception):
    """A part of a template that is better made by the machine as a whole."""


class _Other(Exception):
    """Patterns are not made for this: the machine makes it."""


def pieces(body: Body, places: Mapping[int, str], *, is_html: bool) -> list[str | Hole | Loop | Node]:
    """What a pattern is made of, and nodes that the machine makes. `places` says of each print, by where it stands in
    the source, what its place in a document asks for.

    Raises Beyond.
    """
    reader = _Reader(places, is_html=is_html)
    made = [reader.node(node) for node in body]
    others = sum(not isinstance(each, str | Hole | Loop) for each in made)
    if others > _MOST_PIECES or any(isinstance(node, Set) for node in body):
        raise Beyond
    return made


class _Reader:
    def __init__(self, places: Mapping[int, str], *, is_html: bool) -> None:
        self._places, self._is_html = places, is_html
        self._bare = Manner((), "", is_escaped=is_html)

    def node(self, node: Node) -> str | Hole | Loop | Node:
        try:
            return self._loop(node) if isinstance(node, For) else self._piece(node)
        except _Other:
            return node

    def _loop(self, node: For) -> Loop:
        over = node.over.of if isinstance(node.over, Slice) else node.over
        bounds = slice(node.over.start, node.over.stop) if isinstance(node.over, Slice) else slice(None)
        listed = route(over) if isinstance(over, Path) else None
        if not listed or len(node.names) > 1 or node.only is not None or min(bounds.start or 0, bounds.stop or 0) < 0:
            raise _Other
        row = [self._piece_of_row(each, node.names[0]) for each in node.body]
        if sum(len(each) for each in row if isinstance(each, str)) > _MOST_TEXT:
            raise _Other
        return Loop(listed, bounds, row, or_else=bool(node.otherwise))

    def _piece_of_row(self, node: Node, item: str) -> str | Hole | Field | Count:
        """`item` is what the loop names its items."""
        if isinstance(node, Print) and not isinstance(node.value, Literal):
            path, manner = self._printed(node)
            if path.root == "loop" and path.steps == ("index",) and manner == self._bare:
                return Count()
            if path.root == item and len(path.steps) == 1 and isinstance(path.steps[0], str):
                return Field(path.steps[0], manner)
        return self._piece(node)

    def _piece(self, node: Node) -> str | Hole:
        match node:
            case Text():
                return node.text
            case Print(Literal(str() as blank)) if not blank.strip():
                return blank
            case Print():
                path, manner = self._printed(node)
                if path.root in OUR_LINKS and not path.steps and manner == self._bare:
                    return Hole((path.root,), None)
                if found := route(path):
                    return Hole(found, manner)
        raise _Other

    def _printed(self, node: Print) -> tuple[Path, Manner]:
        path, calls = self._called(node.value)
        return path, Manner(calls, self._places[node.at], is_escaped=self._is_html)

    def _called(self, value: Expression) -> tuple[Path, tuple[Call, ...]]:
        """A variable and the filters that it goes through. One that has a value does not come to its default."""
        calls: list[Call] = []
        while isinstance(value, Filtered):
            if value.name in _FILTERS:
                calls.insert(0, Call(value.name, tuple(_literal(each) for each in value.arguments)))
            elif not self._is_idle(value):
                raise _Other
            value = value.of
        if not isinstance(value, Path):
            raise _Other
        return value, tuple(calls)

    def _is_idle(self, value: Filtered) -> bool:
        if value.name == "escape":
            return self._is_html  # what is printed is escaped anyway
        return value.name == "default" and all(isinstance(each, Literal) for each in value.arguments)


def _literal(value: Expression) -> str | int:
    """Of kinds whose values are equal only where they are the same: True equals 1."""
    if not isinstance(value, Literal) or value.value.__class__ not in (str, int):
        raise _Other
    return value.value
