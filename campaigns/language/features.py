"""Which of the language's means a source makes use of, as far as a policy may disallow them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from campaigns.language import grammar
from campaigns.language.syntax import Body, Choice, Expression, Filtered, For, If, Path, Print, Set, parts
from campaigns.language.vocabulary import FILTERS


def features(source: str) -> set[str]:
    """What a source makes use of that a policy may disallow (campaigns.config.policy.Feature). Raises Mistaken."""
    return set(_in_body(grammar.parse(source)))


def is_local(source: str) -> bool:
    """Whether it says something as the customer's language or time zone has it: a date, an amount. Raises Mistaken."""
    pending: list[Any] = list(grammar.parse(source))
    while pending:
        each = pending.pop()
        if isinstance(each, Filtered) and FILTERS[each.name].local:
            return True
        if isinstance(each, tuple):
            pending += each
        elif is_dataclass(each):
            pending += [getattr(each, field.name) for field in fields(each)]
    return False


def _in_body(body: Body) -> Iterator[str]:
    for node in body:
        match node:
            case Print():
                yield from _in_value(node.value)
            case Set():
                yield "assignments"
                yield from _in_value(node.value)
            case If():
                yield "conditions"
                for branch in node.branches:
                    yield from _in_value(branch.condition) if branch.condition is not None else ()
                    yield from _in_body(branch.body)
            case For():
                yield from _in_loop(node)


def _in_loop(node: For) -> Iterator[str]:
    yield "loops"
    yield from _in_value(node.over)
    if node.only is not None:
        yield "conditions"
        yield from _in_value(node.only)
    yield from _in_body(node.body)
    yield from _in_body(node.otherwise)


def _in_value(value: Expression) -> Iterator[str]:
    """A customer as a whole has its attributes with it, whatever they are then called."""
    if isinstance(value, Choice):
        yield "conditions"
    if isinstance(value, Path) and value.root == "customer" and value.steps[:1] in ((), ("attributes",)):
        yield "attributes"
    for part in parts(value):
        yield from _in_value(part)
