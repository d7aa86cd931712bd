"""The template language: what may be written, checked before anything is sent. Pure.

The syntax is minijinja's, cut down to what marketers need: values, conditions, loops, `set` and filters, without
methods and macros. A source is read by a grammar of our own (`grammar`), judged (`judging`), and written anew for
minijinja with its walls built in (`writing`, `engine`).

The vocabulary is DESIGN's: an unknown variable is an error where the template is saved, with its line and column; a
known one that a person lacks is an error at rendering, for that person only, unless the template says what to write
instead (`| default("there")`). Blank text is missing too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import minijinja

from campaigns.language import engine, grammar, judging, tokens, writing
from campaigns.language.engine import MAX_HANDLED, Budget, missing
from campaigns.language.features import features, is_local
from campaigns.language.filters import MissingValue
from campaigns.language.formats import Exceeded, Unfit
from campaigns.language.grammar import MAX_SOURCE
from campaigns.language.patterns import Pattern
from campaigns.language.plain import Plain
from campaigns.language.seen import seen
from campaigns.language.syntax import Body, Expression, For, If, Mistaken, Print, Set, paths
from campaigns.language.tokens import mentions, place, spans
from campaigns.language.uses import Use, uses
from campaigns.language.vocabulary import CUSTOMER_FIELDS, FILTERS, OUR_LINKS, VOCABULARY, WAYS_OUT

__all__ = [
    "CUSTOMER_FIELDS",
    "FILTERS",
    "MAX_HANDLED",
    "MAX_SOURCE",
    "OUR_LINKS",
    "VOCABULARY",
    "WAYS_OUT",
    "Budget",
    "Exceeded",
    "MissingValue",
    "Mistake",
    "Mistaken",
    "Pattern",
    "Plain",
    "Unfit",
    "Use",
    "compiled",
    "environment",
    "features",
    "is_local",
    "mentions",
    "missing",
    "mistakes",
    "names",
    "patterns",
    "place",
    "quick",
    "seen",
    "spans",
    "trusted",
    "uses",
]  # fmt: skip


@dataclass(frozen=True)
class Mistake:
    """Something wrong in a template's source. `line` and `column` count from 1."""

    message: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}" if self.line else self.message


def mistakes(source: str, *, content: Iterable[str] | None = None, is_html: bool = False) -> list[Mistake]:
    """Everything that keeps a source from being used, in its order; none when it may be.

    `content` limits `content.*` to the names a variant provides; None leaves it open, as in a template on its own.
    `is_html` also looks at where in the document values are printed.
    """
    provided = None if content is None else frozenset(content)
    look = _remembered if len(source) <= _REMEMBERED else _mistakes
    return list(look(source, provided, is_html))


def _mistakes(source: str, content: frozenset[str] | None, is_html: bool) -> Sequence[Mistake]:
    try:
        tree = grammar.parse(source)
        found = judging.judge(tree, content)
        writing.write(tree, is_html=is_html)
    except Mistaken as mistaken:
        return [Mistake(mistaken.message, *tokens.place(source, mistaken.at))]
    except RecursionError:  # bounds on nesting make this unreachable; a template is not trusted to prove it
        return [Mistake("nested too deeply: write it simpler")]
    return [Mistake(message, *tokens.place(source, at)) for message, at in found] or _uncompilable(source, is_html)


_TRUSTED = minijinja.safe("").__class__
_REMEMBERED = 32 * 1024  # characters
_remembered = lru_cache(maxsize=256)(_mistakes)  # files are planned, applied and published: the same three times over


def compiled(sources: Mapping[str, str]) -> tuple[minijinja.Environment, Budget]:
    """Parts ready to render, by name; those whose name ends in `html` escape what they print. Raises Mistaken."""
    return engine.environment(sources)


def quick(sources: Mapping[str, str]) -> tuple[minijinja.Environment, Budget, Plain]:
    """The same for contexts that the last of the three lets through: faster, and failing where it is not sure."""
    return engine.quick(sources)


def patterns(sources: Mapping[str, str]) -> list[Pattern | None]:
    """The parts that can be made without an environment, in order, and None for each that cannot: faster still, and
    giving None where they are not sure. Raises Mistaken.
    """
    return engine.patterns(sources)


def environment(**sources: str) -> minijinja.Environment:
    """The same, for rendering a few times."""
    return engine.environment(sources)[0]


def names(source: str) -> set[str]:
    """Every dotted variable that a source without mistakes uses, the template's own names left out."""
    return set(_named(grammar.parse(source), frozenset()))


def trusted(text: str) -> str:
    """Text of our own making that means the same in HTML and elsewhere, such as our links: printed as it is."""
    return str.__new__(_TRUSTED, text)  # as minijinja.safe, which first asks whether it is HTML already


def _uncompilable(source: str, is_html: bool) -> list[Mistake]:
    """What minijinja itself would refuse: nothing, as far as is known, of what our grammar lets through."""
    try:
        engine.environment({"html" if is_html else "text": source})
    except minijinja.TemplateError as error:
        return [Mistake((error.detail or error.message).splitlines()[0], error.line, 1)]
    return []


def _named(body: Body, own: frozenset[str]) -> Iterator[str]:
    for node in body:
        for expression in _expressions(node):
            yield from (path.dotted for path in paths(expression) if path.root not in own)
        match node:
            case Set():
                own = own | {node.name}
            case If():
                for branch in node.branches:
                    yield from _named(branch.body, own)
            case For():
                inside = own | {*node.names, "loop"}
                if node.only is not None:
                    yield from (path.dotted for path in paths(node.only) if path.root not in inside)
                yield from _named(node.body, inside)
                yield from _named(node.otherwise, own)


def _expressions(node: Any) -> list[Expression]:
    match node:
        case Print() | Set():
            return [node.value]
        case If():
            return [branch.condition for branch in node.branches if branch.condition is not None]
        case For():
            return [node.over]
    return []
