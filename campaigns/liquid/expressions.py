"""Liquid's expressions, as ours. Pure."""

from __future__ import annotations

import re
from typing import Any

from liquid.builtin.expressions import arguments, filtered, logical, loop, path, primitive

from campaigns.liquid import dialects

_MOST_COUNTED = 50  # numbers of a range that are written out
_COMPARED = {
    logical.EqExpression: "==", logical.NeExpression: "!=", logical.LtExpression: "<", logical.LeExpression: "<=",
    logical.GtExpression: ">", logical.GeExpression: ">=",
}  # fmt: skip
_SAME = {
    "abs": "abs", "capitalize": "capitalize", "divided_by": "divided_by", "downcase": "lower", "escape": "escape",
    "escape_once": "escape", "first": "first", "h": "escape", "last": "last", "lower": "lower", "lstrip": "trim",
    "minus": "minus", "modulo": "modulo", "plus": "plus", "reverse": "reverse", "round": "round", "rstrip": "trim",
    "size": "length", "length": "length", "sort": "sort", "split": "split", "strip": "trim", "times": "times",
    "title": "title", "titlecase": "title", "upcase": "upper", "upper": "upper", "url_encode": "urlencode",
    "urlencode": "urlencode", "url_param_escape": "urlencode", "replace": "replace", "default": "default",
    "pluralize": "plural", "floatformat": "number", "truncatechars": "truncate",
}  # fmt: skip
_DEFAULTS: dict[str, tuple[str, list[str]]] = {  # ours, and what theirs takes when nothing is said
    "truncate": ("truncate", ["50", '"..."']),
    "truncatewords": ("truncatewords", ["15", '"..."']),
    "join": ("join", ['" "']),
}
_DIRECTIVE = re.compile(r"%(-?.)")
_DATES = set("aAbBdemyYHIMSp%jFTRD") | {"-d", "-m", "-H", "-I"}


class NoCounterpart(ValueError):
    """Something that cannot be said in our language; the message says what."""


class Expressions:
    """Writes expressions. `own` are the names that the template gives itself."""

    def __init__(self) -> None:
        self.own: frozenset[str] = frozenset()

    def write(self, node: Any) -> str:
        """Raises NoCounterpart."""
        if isinstance(node, primitive.IntegerLiteral | primitive.FloatLiteral):
            return str(node.value)
        if isinstance(node, primitive.TrueLiteral | primitive.FalseLiteral):
            return "true" if node.value else "false"
        match node:
            case filtered.FilteredExpression():
                return self._filtered(node)
            case path.Path():
                return self._path(node)
            case primitive.StringLiteral():
                return _string(node.value)
            case primitive.RangeLiteral():
                return _counted(node)
        return "none" if isinstance(node, primitive.Nil) else self._logical(node)

    def over(self, node: loop.LoopExpression) -> str:
        """What a loop goes through."""
        over = self.write(node.iterable)
        limit, offset = self._whole(node.limit, "limit"), self._whole(node.offset, "offset") or 0
        if node.reversed:
            over = f"{over} | reverse"
        if limit is None and not offset:
            return over
        if "|" in over or over.startswith("["):
            raise NoCounterpart("limit and offset of a list that is turned or written out")
        return f"{over}[{offset or ''}:{'' if limit is None else offset + limit}]"

    def _filtered(self, node: Any) -> str:
        written = self.write(node.left)
        for each in node.filters or ():
            written = self._filter(written, each)
        return written

    def _filter(self, value: str, each: Any) -> str:
        if any(isinstance(argument, arguments.KeywordArgument) for argument in each.args):
            raise NoCounterpart(f"the named arguments of the filter {each.name!r}")
        given = [self.write(argument.value) for argument in each.args]
        if each.name in ("append", "prepend") and given:
            left, right = (value, given[0]) if each.name == "append" else (given[0], value)
            return f"({left} ~ {right})"
        if each.name == "lookup" and given and value == "customer":
            return dialects.attribute(str(each.args[0].value.value))
        return f"{value} | {_counterpart(each.name, value, given)}"

    def _path(self, node: path.Path) -> str:
        segments = list(node.path)
        if any(isinstance(segment, path.Path) for segment in segments):
            raise NoCounterpart("a name that is itself a variable, in brackets")
        if segments == ["person"] or segments == ["customer"]:
            return "customer"
        suffix = ""
        if len(segments) > 1 and segments[-1] in ("size", "first", "last") and segments[0] not in ("forloop", "loop"):
            suffix = f" | {_SAME[str(segments.pop())]}"
        found = dialects.ours(segments, self.own)
        if found is None:
            raise NoCounterpart(f"the variable {'.'.join(map(str, segments))}")
        return found + suffix

    def _logical(self, node: Any) -> str:
        match node:
            case logical.BooleanExpression():
                return self.write(node.expression)
            case logical.LogicalNotExpression():
                return f"(not {self.write(node.right)})"
            case logical.LogicalAndExpression():
                return f"({self.write(node.left)} and {self.write(node.right)})"
            case logical.LogicalOrExpression():
                return f"({self.write(node.left)} or {self.write(node.right)})"
            case logical.ContainsExpression():
                return f"({self.write(node.right)} in {self.write(node.left)})"
        operator = _COMPARED.get(type(node))
        if operator is None:
            raise NoCounterpart(f"{node}"[:80])
        if _is_blank(node.right):  # there, it is a comparison; here, to be blank is to be missing
            left = self.write(node.left)
            return f"(not {left})" if operator == "==" else left
        return f"({self.write(node.left)} {operator} {self.write(node.right)})"

    def _whole(self, node: Any, name: str) -> int | None:
        if node is None:
            return None
        if not isinstance(node, primitive.IntegerLiteral):
            raise NoCounterpart(f"a {name} that is not a number")
        return int(node.value)


def _counterpart(name: str, value: str, given: list[str]) -> str:
    if name == "remove" and given:
        return f'replace({given[0]}, "")'
    if name == "date":
        return f"date({_date(value, given)})"
    if name in _DEFAULTS:
        ours, usual = _DEFAULTS[name]
        return f"{ours}({', '.join([*given, *usual[len(given) :]])})"
    if name.startswith("money"):
        raise NoCounterpart('money without a currency: write | money("EUR"), with yours, since it')
    if name not in _SAME:
        raise NoCounterpart(f"the filter {name!r}")
    return _SAME[name] + (f"({', '.join(given)})" if given else "")


def is_blank_fallback(node: Any) -> bool:
    """`{{ x | default: '' }}`: what it means is said by a condition here."""
    filters = list(node.filters or []) if isinstance(node, filtered.FilteredExpression) else []
    return bool(filters) and filters[-1].name == "default" and (
        not filters[-1].args or _is_blank(filters[-1].args[0].value)
    )  # fmt: skip


def _is_blank(node: Any) -> bool:
    if isinstance(node, primitive.StringLiteral):
        return not node.value.strip()
    return isinstance(node, primitive.Nil | primitive.Empty | primitive.Blank)


def _counted(node: primitive.RangeLiteral) -> str:
    if not all(isinstance(end, primitive.IntegerLiteral) for end in (node.start, node.stop)):
        raise NoCounterpart("a range whose ends are not numbers")
    start, stop = int(node.start.value), int(node.stop.value)  # type: ignore[attr-defined]
    if stop - start >= _MOST_COUNTED:
        raise NoCounterpart(f"a range of more than {_MOST_COUNTED} numbers")
    return f"[{', '.join(str(number) for number in range(start, stop + 1))}]"


def _date(value: str, given: list[str]) -> str:
    if value in ('"now"', '"today"'):
        raise NoCounterpart("the date of today: a message says the same whenever it is written")
    if not given:
        return '"medium"'
    form = given[0]
    if unknown := [found for found in _DIRECTIVE.findall(form) if found not in _DATES]:
        raise NoCounterpart(f"%{unknown[0]} in a date")
    if "%" not in form:
        raise NoCounterpart(f"the date format {form}: write it as %d %B %Y")
    return form


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
