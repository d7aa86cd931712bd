"""Which variables a source prints, and what somebody reads who has none: for telling whom a message leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from campaigns.language import grammar, tokens
from campaigns.language.judging import guarded
from campaigns.language.syntax import (
    Body,
    Choice,
    Expression,
    Filtered,
    For,
    If,
    Literal,
    Path,
    Print,
    Set,
    Tested,
    parts,
)


@dataclass(frozen=True)
class Use:
    """A variable that is printed. `default` is what is read instead; None where there is nothing, which is an error."""

    variable: str
    default: str | None
    line: int
    column: int


def uses(source: str) -> list[Use]:
    """Of a source without mistakes, in its order; not what stands where a condition made sure that there is a value."""
    return [
        Use(path.dotted, default, *tokens.place(source, path.at))
        for path, default in _in_body(grammar.parse(source), frozenset(), frozenset())
    ]


_Used = Iterator[tuple[Path, str | None]]
_Names = frozenset[str]


def _in_body(body: Body, own: _Names, sure: _Names) -> _Used:
    for node in body:
        match node:
            case Print():
                yield from _in_value(node.value, own, sure)
            case Set():
                yield from _in_value(node.value, own, sure)
                own = own | {node.name}
            case If():
                yield from _in_branches(node, own, sure)
            case For():
                yield from _in_body(node.body, own | {*node.names, "loop"}, sure)
                yield from _in_body(node.otherwise, own, sure)


def _in_branches(node: If, own: _Names, sure: _Names) -> _Used:
    for branch in node.branches:
        known = guarded(branch.condition) if branch.condition is not None else frozenset()
        yield from _in_body(branch.body, own, sure | known)


def _in_value(value: Expression, own: _Names, sure: _Names) -> _Used:
    match value:
        case Path():
            if value.root not in own and value.dotted not in sure:
                yield value, None
        case Choice():
            yield from _in_value(value.then, own, sure | guarded(value.condition))
            yield from _in_value(value.otherwise, own, sure)
        case Filtered(name="default", of=of, arguments=(fallback, *_)):
            told = str(fallback.value) if isinstance(fallback, Literal) else "something else"
            yield from ((path, told) for path, _ in _in_value(of, own, sure))
            yield from _in_value(fallback, own, sure)
        case Tested():
            return
        case _:
            for part in parts(value):
                yield from _in_value(part, own, sure)
