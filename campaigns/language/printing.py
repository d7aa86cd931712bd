"""How a value looks where a pattern prints it: worked out once for all messages that print it alike.

A template prints few values that nobody else has: first names, cities and products come again and again, and looking
one up costs a fifth of checking and escaping it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from campaigns.language import filters
from campaigns.language.plain import MOST, SHORT

LONG = 10_000  # characters of a value that a pattern prints
_LEAST, _GREATEST = 1e-4, 1e15  # of numbers with a fraction: between them Python and the template machine write alike
_MOST_KNOWN = 4096  # values
_ESCAPED = str.maketrans(  # as the template machine does it
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;", "/": "&#x2f;"}
)


class Left(ValueError):
    """This value is left to the template machine, which knows how to write it, or what to say of it."""


class Call(NamedTuple):
    """A filter with what it is given beside the value."""

    filter: str
    arguments: tuple[Any, ...]


class Manner(NamedTuple):
    """What a value goes through, in order: filters, what the place asks for that it is printed at ("" for nothing), and
    escaping.
    """

    calls: tuple[Call, ...]
    place: str
    is_escaped: bool


class Printer(dict[Any, str]):
    """By value, what it looks like in one manner. Raises ValueError, or TypeError for a list, where that is left to the
    template machine.
    """

    def __init__(self, manner: Manner) -> None:
        self._functions = [_function(call) for call in manner.calls]
        self._place = filters.PLACES[manner.place] if manner.place else None
        self._is_escaped = manner.is_escaped

    def __missing__(self, value: Any) -> str:
        made = self._made(value)
        if is_kept(value):
            if len(self) >= _MOST_KNOWN:
                self.clear()
            self[value] = made
        return made

    def _made(self, value: Any) -> str:
        text = _text(value)
        if self._functions and (value.__class__ is not str or len(value) > SHORT):
            raise Left
        for function in self._functions:
            text = _text(function(text))
        if self._place:
            text = _text(self._place(text))
        return text.translate(_ESCAPED) if self._is_escaped else text


@lru_cache(maxsize=256)
def printer(manner: Manner) -> Printer:
    """The same one for all who print in that manner."""
    return Printer(manner)


def is_kept(value: Any) -> bool:
    """Whether what it looks like may be looked up by it: what is equal must look the same, and True equals 1."""
    kind = value.__class__
    return (kind is str and len(value) <= SHORT) or (kind in (int, float) and value not in (0, 1))


def _text(value: Any) -> str:
    """Before it is escaped. Raises Left, and ValueError for half a sign."""
    kind = value.__class__
    if kind is str:
        if len(value) > LONG or filters.is_missing(value):
            raise Left
        if not value.isascii():
            value.encode()
        return str(value)
    if kind is int and -MOST <= value < MOST:
        return str(value)
    if kind is float and _LEAST <= abs(value) < _GREATEST:
        return str(int(value) if value.is_integer() else value)
    raise Left


def _function(call: Call) -> Callable[[str], Any]:
    function = filters.FUNCTIONS[call.filter]
    return (lambda text: function(text, *call.arguments)) if call.arguments else function
