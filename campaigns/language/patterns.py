"""Fixed text with holes: how the parts of most messages are made, at half of the template machine's cost.

The machine asks for each value by itself, and checks and escapes what it gets. A pattern takes a person's values
together and prints each once, however often it stands in the part; of a list it prints an item as a whole, because
products come again in one message after the other. What it is not made for is the machine's: pieces of a template, each
as a hole, and the whole part where it meets such a value. So it says what the machine says, or nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

import minijinja

from campaigns.language.plain import Route
from campaigns.language.printing import Left, Manner, is_kept, printer

MOST_ITEMS = 50  # of a list
_STEPS = 6  # of the template machine for a print, at most
_MOST_KEPT = 256 * 1024  # characters of printed items
# What comes of a value that is missing, of another kind, or unfit.
_LEFT = (KeyError, TypeError, ValueError, OverflowError, MemoryError, minijinja.TemplateError)
_TRUSTED = minijinja.safe("").__class__
_DIGITS = [str(number) for number in range(MOST_ITEMS + 1)]
Values = Mapping[str, Any]


class Hole(NamedTuple):
    """Where a value of the context is printed. Without a manner it is a link of our own making."""

    route: Route
    manner: Manner | None


class Field(NamedTuple):
    """Where a value of a loop's item is."""

    name: str
    manner: Manner


class Count(NamedTuple):
    """Where the number of a loop's item is."""


class Machine(Protocol):
    """The template machine, for the pieces of one part."""

    def begin(self, context: Values) -> bool:
        """Before the first piece of a message's part: whether the machine may make them."""

    def make(self, piece: int, context: Values) -> str: ...


class Piece:
    """What the machine makes."""

    holes: Sequence[Hole] = ()
    steps = 0

    def __init__(self, number: int, machine: Machine) -> None:
        self._number, self._machine = number, machine

    def expect(self, order: Mapping[Hole, int]) -> None:
        """It looks up its values itself."""

    def fill(self, context: Values, values: Sequence[str]) -> str:
        """Raises one of _LEFT."""
        return self._machine.make(self._number, context)


class Pattern:
    """A part of a template. `machine` is there for the pieces among what is `made` of it."""

    def __init__(self, made: Sequence[str | Hole | Loop | Piece], machine: Machine) -> None:
        self._texts, gaps = _apart(made)
        self._inner: list[Loop | Piece] = [gap for gap in gaps if not isinstance(gap, Hole)]
        outer = [hole for each in self._inner for hole in each.holes]
        self._found = _Found([*(gap for gap in gaps if isinstance(gap, Hole)), *outer])
        for each in self._inner:
            each.expect(self._found.order)
        inner = itertools.count(len(self._found.order))
        self._spread = _taking([self._found.order[gap] if isinstance(gap, Hole) else next(inner) for gap in gaps])
        self._machine = machine if any(isinstance(each, Piece) for each in self._inner) else None

    @property
    def steps(self) -> int:
        """Of the machine, at most, for what is made without it."""
        return _STEPS * len(self._texts) + sum(each.steps for each in self._inner)

    def fill(self, context: Values) -> str | None:
        """The part for one person; None where it is left to the machine."""
        if self._machine and not self._machine.begin(context):
            return None
        try:
            values = self._found.printed(context)
            values += [each.fill(context, values) for each in self._inner]
            pieces = self._texts.copy()
            pieces[1::2] = self._spread(values)
        except _LEFT:
            return None
        return "".join(pieces)


class Loop:
    """Over a list of the context. `row` is what is written for each item.

    What an item's own values come to is printed and joined once, and kept by them; from outside come other values of
    the context, and the item's number.
    """

    def __init__(self, over: Route, bounds: slice, row: Sequence[str | Hole | Field | Count], *, or_else: bool) -> None:
        self._over, self._bounds, self._or_else = over, bounds, or_else
        self._strips = _Strips(row)
        self._outer = [each for each in row if isinstance(each, Hole | Count)]
        self._counts = [place for place, each in enumerate(self._outer) if isinstance(each, Count)]
        self.holes = [each for each in self._outer if isinstance(each, Hole)]
        self.steps = _STEPS * MOST_ITEMS * (len(row) + 1)

    def expect(self, order: Mapping[Hole, int]) -> None:
        """The `values` of `fill` come in this order, and are at least one where there are holes."""
        self._around = _taking([order[each] if isinstance(each, Hole) else 0 for each in self._outer])

    def fill(self, context: Values, values: Sequence[str]) -> str:
        """Raises one of _LEFT."""
        items: Any = context
        for name in self._over:
            items = items[name]
        if items.__class__ is not list:
            raise Left
        items = items[self._bounds]
        if len(items) > MOST_ITEMS or (self._or_else and not items):
            raise Left
        strips, take = self._strips, self._strips.take
        around = [*self._around(values or "-")] if self._outer else []
        made: list[str] = []
        for number, item in enumerate(items, 1):
            row = strips[take(item)].copy()
            for place in self._counts:
                around[place] = _DIGITS[number]
            row[1::2] = around
            made += row
        return "".join(made)


class _Strips(dict[tuple[Any, ...], list[str]]):
    """By an item's values, what a row has of it: texts, with room between them for what comes from outside."""

    def __init__(self, row: Sequence[str | Hole | Field | Count]) -> None:
        fields = [*dict.fromkeys(each for each in row if isinstance(each, Field))]
        self.take = _taking([field.name for field in fields])
        self._printers = [printer(field.manner) for field in fields]
        self._row = [fields.index(each) if isinstance(each, Field) else each for each in row]
        self._kept = 0

    def __missing__(self, key: tuple[Any, ...]) -> list[str]:
        printed = [known[value] for known, value in zip(self._printers, key, strict=True)]
        made, _ = _apart([printed[each] if isinstance(each, int) else each for each in self._row])
        if all(map(is_kept, key)):
            self._kept += sum(map(len, made))
            if self._kept > _MOST_KEPT:
                self.clear()
                self._kept = 0
            self[key] = made
        return made


class _Found:
    """The values of holes, each looked up and printed once, in an order of their own: `order` says where each is."""

    def __init__(self, holes: Iterable[Hole]) -> None:
        together: dict[tuple[Route, Manner | None], list[str]] = {}
        for hole in dict.fromkeys(holes):
            together.setdefault((hole.route[:-1], hole.manner), []).append(hole.route[-1])
        self._lookups = [
            (above, _taking(names), printer(manner).__getitem__ if manner else _ours)
            for (above, manner), names in together.items()
        ]
        each = [Hole((*above, name), manner) for (above, manner), names in together.items() for name in names]
        self.order = {hole: place for place, hole in enumerate(each)}

    def printed(self, context: Values) -> list[str]:
        """Raises one of _LEFT."""
        found: list[str] = []
        for above, take, look in self._lookups:
            within: Any = context
            for name in above:
                within = within[name]
            found += map(look, take(within))
        return found


def _ours(value: Any) -> str:
    if value.__class__ is not _TRUSTED or not value:
        raise Left
    return str(value)


def _apart(pieces: Iterable[Any]) -> tuple[list[str], list[Any]]:
    """Texts, and what stands between them: they come with room for it, so that every second one is to be replaced."""
    texts: list[str] = [""]
    between = []
    for piece in pieces:
        if isinstance(piece, str):
            texts[-1] += piece
        else:
            between.append(piece)
            texts += ["", ""]
    return texts, between


def _taking(names: Sequence[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """What takes these of something, always as a tuple."""
    if len(names) > 1:
        return itemgetter(*names)
    if names:
        [name] = names
        return lambda of: (of[name],)
    return lambda of: ()
