"""Whether a rule compares a declared attribute with what it can be: told before a rule is saved or published."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from campaigns.compiler import comparisons
from campaigns.config import rules
from campaigns.config.days import check_day
from campaigns.config.gate import Problem
from campaigns.config.rules import Rule

_DATES = ("anniversary", "before", "on", "after")
_TEXTS = ("contains", "starts_with")
_ORDERS = ("lt", "lte", "gt", "gte", "between")
_UNFIT = {"number": (*_DATES, *_TEXTS), "boolean": (*_DATES, *_TEXTS, *_ORDERS), "text": (), "date": ()}
_CURES = {
    "number": "compare it with a number, without quotes",
    "boolean": "compare it with true or false, by eq, ne or exists",
    "date": "compare it with a date such as 2026-12-01, or by before, on and after",
}


def mistyped(rule: Rule, type_of: Callable[[str], str]) -> list[Problem]:
    """What is wrong in `rule` itself, with paths; `type_of` is a declared attribute's type, "" of any other."""
    return list(_walk(rule, "", type_of))


def _walk(rule: Any, path: str, type_of: Callable[[str], str]) -> Iterator[Problem]:
    if isinstance(rule, rules.AllOf | rules.AnyOf):
        name = "all" if isinstance(rule, rules.AllOf) else "any"
        for index, inner in enumerate(getattr(rule, name)):
            yield from _walk(inner, f"{path}{name}.{index}.", type_of)
    elif isinstance(rule, rules.Not):
        yield from _walk(rule.not_, f"{path}not.", type_of)
    elif isinstance(rule, rules.Attribute):
        name = rule.attribute.removeprefix("attributes.")
        kind = type_of(name)
        if kind in _CURES and not _fits(kind, rule):
            told = f"attribute {name!r} is declared as a {kind}: {_CURES[kind]}"
            yield Problem(f"{path}{rule.operator}", told, "type")


def _fits(kind: str, rule: rules.Attribute) -> bool:
    if rule.operator == "exists" or (kind == "date" and rule.operator in (*_DATES, *_TEXTS)):
        return True
    return rule.operator not in _UNFIT[kind] and all(_is(kind, each) for each in comparisons.operands(rule))


def _is(kind: str, operand: Any) -> bool:
    if kind == "boolean":
        return isinstance(operand, bool)
    if kind == "number":
        return isinstance(operand, int | float) and not isinstance(operand, bool)
    return isinstance(operand, str) and operand[:1].isdigit() and _is_day(operand)


def _is_day(text: str) -> bool:
    try:
        return bool(check_day(text))
    except ValueError:
        return False
