"""Templates compiled and run by minijinja, within bounds of work and size."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import minijinja

from campaigns.language import filters, grammar, matching, writing
from campaigns.language.filters import MissingValue
from campaigns.language.formats import Exceeded, Unfit
from campaigns.language.markup import Spot
from campaigns.language.patterns import Hole, Loop, Pattern, Piece
from campaigns.language.plain import MOST, SHORT, Plain
from campaigns.language.syntax import Body, For, If, Node, Text
from campaigns.language.writing import checking, write

MAX_HANDLED = 2 * 1024 * 1024  # characters that printing and filters may come to, per part of a message
_MOST_FUEL = 50_000  # steps of the template machine per part
_LEAST_FUEL = 2_000
_SMALL = ("date", "default", "money", "number", "plural")  # they look at no more of a value than a number or date has
_ITEM = 50  # characters that an item of a list counts for, at any depth
_DEAR = {"title": 16}  # characters that each one of a text counts for, where a filter looks at it closely
_VISIBLE = ("date", "money", "number")  # what they give is something to see
_LOOPED_TEXT = 32 * 1024 * 1024  # characters that a loop may repeat: bounds memory before the output is looked at


class Budget:
    """How much of MAX_HANDLED is left. One per environment: whoever renders renews it for each part."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_HANDLED

    def take(self, characters: int) -> None:
        """Raises Unfit when it is used up."""
        self.left -= characters
        if self.left < 0:
            raise Exceeded(f"it writes or handles more than {MAX_HANDLED // 1024} KB of text")


def environment(sources: Mapping[str, str], *, is_traced: bool = False) -> tuple[minijinja.Environment, Budget]:
    """The compiled parts; those whose name ends in `html` escape what they print. Raises syntax.Mistaken."""
    budget = Budget()
    trees = {name: grammar.parse(source) for name, source in sources.items()}
    made = _environment(trees, _filters(budget), undefined_behavior="chainable", finalizer=_finalizer(budget))
    if is_traced:
        made.add_filter("_seen", _Trace().see)
    for name, tree in trees.items():
        made.add_template(name, write(tree, is_html=is_html(name), is_traced=is_traced))
    return made, budget


def quick(sources: Mapping[str, str]) -> tuple[minijinja.Environment, Budget, Plain]:
    """The same parts for contexts that `Plain.lets`: where they can be rendered, they say what `environment`'s say.

    They fail in more cases, such as a loop over a list that a person lacks: then `environment` knows what is to be
    said. Instead of a check of everything printed, which is a call each, prints that are not sure check themselves,
    and the template machine refuses what is absent. Raises syntax.Mistaken.
    """
    return _quick({name: grammar.parse(source) for name, source in sources.items()}, {})


def patterns(sources: Mapping[str, str]) -> list[Pattern | None]:
    """The parts as patterns, in order, and None for each that is better made as a whole. Raises syntax.Mistaken."""
    return [_pattern(grammar.parse(source), is_html=is_html(name)) for name, source in sources.items()]


def missing(sources: Mapping[str, str], context: Mapping[str, Any]) -> str:
    """Which variable of the sources has no value in `context`, for a person to read; "" when none is found.

    Slow: for errors only.
    """
    made, budget = environment(sources, is_traced=True)
    trace = _Trace()
    made.add_filter("_seen", trace.see)
    for name in sources:
        budget.left = MAX_HANDLED
        trace.lacking = ""
        try:
            made.render_template(name, **context)
        except (MissingValue, minijinja.TemplateError):
            if trace.lacking:
                return f"no value for {trace.lacking}"
        except (Unfit, ValueError, TypeError):
            return ""
    return ""


def is_html(name: str) -> bool:
    return name.endswith("html")


def _environment(
    trees: Mapping[str, Body], known: dict[str, Callable[..., Any]], **options: Any
) -> minijinja.Environment:
    return minijinja.Environment(
        auto_escape_callback=is_html,
        fuel=min((_fuel(tree) for tree in trees.values()), default=_MOST_FUEL),
        pycompat=False,
        keep_trailing_newline=True,
        debug=False,
        filters=known,
        **options,
    )


def _filters(budget: Budget) -> dict[str, Callable[..., Any]]:
    counted = {
        name: function if name in _SMALL else _counted(function, budget, times=_DEAR.get(name, 1))
        for name, function in filters.FUNCTIONS.items()
    }
    return (
        counted | filters.PLACES | {"_weighed": _weigher(budget), "_spread": _spreader(budget), "_spent": budget.take}
    )


class _Trace:
    """Remembers which of the variables that were about to be used has no value."""

    def __init__(self) -> None:
        self.lacking = ""

    def see(self, _: object, *named: Any) -> int:
        pairs = zip(named[::2], named[1::2], strict=True)
        self.lacking = next((str(name) for name, value in pairs if filters.is_missing(value)), "")
        return 0


def _finalizer(budget: Budget) -> Callable[[Any], Any]:
    def finalize(value: Any) -> Any:
        """Every printed value passes here: it is text or a number, and something to see."""
        if value.__class__ is str and "!" <= value < "\x7f" and len(value) <= SHORT:
            return value  # nearly all of them, and this costs a third of what the whole check does
        if isinstance(value, str):
            budget.take(len(value))
        return _visible(value)

    return finalize


def _visible(value: Any) -> Any:
    if filters.is_missing(value):
        raise MissingValue
    if isinstance(value, dict | list | tuple):
        raise Unfit("it prints a list: use | join, or a loop")
    return value


def _shower(finalize: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def show(value: Any) -> Any:
        """What a finalizer gives, also in that the template machine then writes 89.0 as 89."""
        value = finalize(value)
        return int(value) if value.__class__ is float and value.is_integer() and -MOST <= value < MOST else value

    return show


def _checking(
    function: Callable[..., Any], show: Callable[[Any], Any], budget: Budget, *, times: int
) -> Callable[..., Any]:
    """The filter, with what is long counted, and what it gives checked."""

    def checked(value: Any, *arguments: Any) -> Any:
        if isinstance(value, str) and len(value) > SHORT:
            budget.take(times * len(value))
        made = function(value, *arguments)
        if made.__class__ is str and "!" <= made < "\x7f" and len(made) <= SHORT:
            return made
        return show(made)

    return checked


def _counted(function: Callable[..., Any], budget: Budget, *, times: int) -> Callable[..., Any]:
    def counted(value: Any, *arguments: Any) -> Any:
        if isinstance(value, str):
            budget.take(times * len(value))
        return function(value, *arguments)

    return counted


def _weigher(budget: Budget) -> Callable[[Any], Any]:
    def weigh(value: Any) -> Any:
        """Counts what is about to be compared; of a list, roughly what its items come to."""
        if isinstance(value, str):
            budget.take(len(value))
        elif isinstance(value, list | dict):
            _take_items(value, budget)
        return value

    return weigh


def _spreader(budget: Budget) -> Callable[[Any], Any]:
    def spread(value: Any) -> Any:
        """Counts what is about to be put in order: of a text, each character is an item."""
        if isinstance(value, str):
            budget.take(_ITEM * len(value))
        elif isinstance(value, list | dict):
            _take_items(value, budget)
        return value

    return spread


def _take_items(value: Collection[Any], budget: Budget) -> None:
    """Those in one another as well: whoever compares two looks at them all."""
    waiting = [value]
    while waiting:
        within = waiting.pop()
        budget.take(_ITEM * len(within))
        items = within.values() if isinstance(within, dict) else within
        waiting += [each for each in items if isinstance(each, list | dict)]


def _quick(trees: Mapping[str, Body], spots: Mapping[str, Spot]) -> tuple[minijinja.Environment, Budget, Plain]:
    """`spots` are where in a document those begin that do not begin one."""
    budget = Budget()
    plain, show, known = Plain(trees.values()), _shower(_finalizer(budget)), _filters(budget)
    shown = {
        checking(name): function if name in _VISIBLE else _checking(function, show, budget, times=_DEAR.get(name, 1))
        for name, function in (filters.FUNCTIONS | filters.PLACES).items()
    }
    made = _environment(trees, known | shown | {checking(""): show}, undefined_behavior="semi_strict")
    for name, tree in trees.items():
        made.add_template(name, write(tree, is_html=is_html(name), plain=plain, spot=spots.get(name)))
    return made, budget, plain


def _pattern(tree: Body, *, is_html: bool) -> Pattern | None:
    places, spots = writing.places(tree, is_html=is_html)
    try:
        made = matching.pieces(tree, places, is_html=is_html)
    except matching.Beyond:
        return None
    nodes = [each for each in made if not isinstance(each, str | Hole | Loop)]
    machine = _Machine(nodes, [spots[node.at] for node in nodes], is_html=is_html)
    numbers = itertools.count()
    found = Pattern(
        [each if isinstance(each, str | Hole | Loop) else Piece(next(numbers), machine) for each in made], machine
    )
    return found if found.steps <= _fuel(tree) else None


class _Machine:
    """The quick way, for nodes of a part."""

    def __init__(self, nodes: Sequence[Node], spots: Sequence[Spot], *, is_html: bool) -> None:
        self._names = [f"{number}.{'html' if is_html else 'text'}" for number, _ in enumerate(nodes)]
        trees = {name: (node,) for name, node in zip(self._names, nodes, strict=True)}
        self._made, self._budget, self._plain = _quick(trees, dict(zip(self._names, spots, strict=True)))

    def begin(self, context: Mapping[str, Any]) -> bool:
        self._budget.left = MAX_HANDLED
        return self._plain.lets(context)

    def make(self, piece: int, context: Mapping[str, Any]) -> str:
        return self._made.render_template(self._names[piece], **context)


def _fuel(tree: Body) -> int:
    """So many steps that what loops repeat stays small: a step of a loop repeats at most all text in it."""
    looped = _looped(tree, is_inside=False)
    return min(max(2 * _LOOPED_TEXT // (looped + 1), _LEAST_FUEL), _MOST_FUEL)


def _looped(body: Body, *, is_inside: bool) -> int:
    """Characters of text inside loops."""
    total = 0
    for node in body:
        match node:
            case Text() if is_inside:
                total += len(node.text)
            case If():
                total += sum(_looped(branch.body, is_inside=is_inside) for branch in node.branches)
            case For():
                total += _looped(node.body, is_inside=True) + _looped(node.otherwise, is_inside=is_inside)
    return total
