"""One condition of a rule as the fields of a form row, and back. Pure.

A row that cannot show its rule exactly is of kind `kept`: it shows a sentence, and hands the rule back untouched.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import singledispatch
from typing import Any

from campaigns import compiler, sentences
from campaigns.config import rules
from campaigns.config.gate import Invalid, Problem, dump, parse_rule
from campaigns.config.rules import Rule

LISTS = ("in", "not_in")
_BOUNDS = ("gte", "lte", "eq")
_UNSHOWN = ("anniversary", "before", "on", "after")  # operators that the builder does not offer


@dataclass
class Row:
    """A condition as typed. `problems` say what is wrong with it, once `compose` has judged it."""

    kind: str
    values: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def is_blank(self) -> bool:
        """Nothing was filled in: the row counts for nothing."""
        named = {"attribute": "field", "event": "event", "segment": "segment", "sample": "percent", "kept": "json"}
        return self.kind in named and not self.values.get(named[self.kind], "").strip()

    @property
    def sentence(self) -> str:
        """What a kept row keeps, in words; empty when it was damaged."""
        try:
            return sentences.phrase(parse_rule(_make_kept(self.values)))
        except Invalid:
            return ""


def row_of(rule: Rule) -> Row:
    """The row that shows a rule, or keeps it."""
    row = _row(rule)
    if row is not None and _says_the_same(row, rule):
        return row
    return Row("kept", {"json": json.dumps(dump(rule), ensure_ascii=False)})


def compose(row: Row) -> dict[str, Any]:
    """The rule that a row asks for, in the gate's eyes. Raises Invalid."""
    maker = _MAKERS.get(row.kind)
    if maker is None:
        raise Invalid([Problem("kind", "choose what this condition is about")])
    data = maker(row.values)
    parse_rule(data)
    return data


def _says_the_same(row: Row, rule: Rule) -> bool:
    try:
        return bool(parse_rule(compose(row)) == rule)
    except Invalid:
        return False


# -- rows into rules --------------------------------------------------------------------------------------------------
def _make_attribute(values: Mapping[str, str]) -> dict[str, Any]:
    name = values.get("field", "").strip()
    return {"attribute": name} | _comparison(values, is_text=name in compiler.TEXT_COLUMNS)


def _make_event(values: Mapping[str, str]) -> dict[str, Any]:
    rule: dict[str, Any] = {"event": values.get("event", "").strip()}
    if values.get("count_op") and values.get("count", "").strip():
        rule["count"] = {values["count_op"]: _number(values["count"], "how often")}
    if values.get("sum", "").strip():
        total = {values.get("sum_op") or "gte": _number(values["sum"], "the total")}
        rule["sum"] = {"property": values.get("sum_property", "").strip() or "value"} | total
    if values.get("within", "").strip():
        rule["within"] = f"{_whole(values['within'], 'how long ago')}{values.get('unit') or 'd'}"
    if values.get("where_field", "").strip():
        where = {key.removeprefix("where_"): value for key, value in values.items() if key.startswith("where_")}
        rule["where"] = [{"property": where["field"].strip()} | _comparison(where, is_text=False)]
    return {"not": rule} if values.get("did") == "did_not" else rule


def _make_consent(values: Mapping[str, str]) -> dict[str, Any]:
    rule = {"consent": {"channel": values.get("channel") or "email"}}
    return {"not": rule} if values.get("has") == "has_not" else rule


def _make_segment(values: Mapping[str, str]) -> dict[str, Any]:
    rule = {"segment": values.get("segment", "")}
    return {"not": rule} if values.get("is_in") == "not_in" else rule


def _make_sample(values: Mapping[str, str]) -> dict[str, Any]:
    percent = _number(values.get("percent", ""), "the share")
    if not 0 <= percent <= 100:
        raise Invalid([Problem("percent", "write a share between 0 and 100")])
    return {"sample": round(percent / 100, 6)}


def _make_kept(values: Mapping[str, str]) -> dict[str, Any]:
    try:
        kept: dict[str, Any] = json.loads(values.get("json", ""))
    except (ValueError, RecursionError):
        raise Invalid([Problem("json", "this condition was damaged on its way: remove it")]) from None
    return kept


_MAKERS: dict[str, Callable[[Mapping[str, str]], dict[str, Any]]] = {
    "attribute": _make_attribute,
    "event": _make_event,
    "consent": _make_consent,
    "segment": _make_segment,
    "sample": _make_sample,
    "kept": _make_kept,
}


def _comparison(values: Mapping[str, str], *, is_text: bool) -> dict[str, Any]:
    operator, value = values.get("op") or "eq", values.get("value", "").strip()
    if operator in ("known", "unknown"):
        return {"exists": operator == "known"}
    if not value:
        raise Invalid([Problem("value", "write a value to compare with")])
    read = str if is_text else _scalar
    if operator == "between":
        return {"between": [read(value), read(_needed(values.get("to", ""), "the upper value"))]}
    if operator in LISTS:
        return {operator: [read(each.strip()) for each in value.split(",") if each.strip()]}
    return {operator: value if operator in ("contains", "starts_with") else read(value)}


def _scalar(text: str) -> str | int | float | bool:
    """A number or truth value where the text is one written plainly; `007` and `1e5` stay text."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            if str(kind(text)) == text and text not in ("nan", "inf", "-inf"):
                return kind(text)
        except ValueError:
            continue
    return text


def _needed(text: str, what: str) -> str:
    if not text.strip():
        raise Invalid([Problem("", f"write {what}")])
    return text.strip()


def _number(text: str, what: str) -> float:
    try:
        number = float(_needed(text, what).replace(",", ""))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise Invalid([Problem("", f"write {what} as a number: “{text}” is none")])
    return number


def _whole(text: str, what: str) -> int:
    number = _number(text, what)
    if number != int(number) or number < 1:
        raise Invalid([Problem("", f"write {what} as a whole number from 1")])
    return int(number)


# -- rules into rows --------------------------------------------------------------------------------------------------
@singledispatch
def _row(rule: Any) -> Row | None:
    return None


@_row.register
def _attribute_row(rule: rules.Attribute) -> Row | None:
    if rule.operator in _UNSHOWN:
        return None
    return Row("attribute", {"field": rule.attribute} | _compared(rule))


@_row.register
def _event_row(rule: rules.Event) -> Row | None:
    if len(rule.where) > 1 or any(where.operator in _UNSHOWN for where in rule.where):
        return None
    values = {"event": rule.event, "did": "did"} | _bound("count", rule.count) | _bound("sum", rule.sum)
    if rule.sum is not None:
        values["sum_property"] = rule.sum.property
    if rule.within is not None:
        values |= _within(rule.within)
    for where in rule.where:
        values["where_field"] = where.property
        values |= {f"where_{key}": value for key, value in _compared(where).items()}
    return Row("event", values)


@_row.register
def _consent_row(rule: rules.Consented) -> Row | None:
    return Row("consent", {"has": "has", "channel": rule.consent.channel})


@_row.register
def _segment_row(rule: rules.InSegment) -> Row | None:
    return Row("segment", {"is_in": "in", "segment": rule.segment})


@_row.register
def _sample_row(rule: rules.Sample) -> Row | None:
    return Row("sample", {"percent": f"{rule.sample * 100:g}"})


@_row.register
def _not_row(rule: rules.Not) -> Row | None:
    switch = {"event": ("did", "did_not"), "consent": ("has", "has_not"), "segment": ("is_in", "not_in")}
    row = _row(rule.not_)
    if row is None or row.kind not in switch or isinstance(rule.not_, rules.Not):
        return None
    name, value = switch[row.kind]
    row.values[name] = value
    return row


def _compared(rule: rules.Comparison) -> dict[str, str]:
    operator, operand = rule.operator, rule.operand
    if operator == "exists":
        return {"op": "known" if operand else "unknown"}
    if operator == "between":
        return {"op": operator, "value": _text(operand[0]), "to": _text(operand[1])}
    if operator in LISTS:
        return {"op": operator, "value": ", ".join(_text(each) for each in operand)}
    return {"op": operator, "value": _text(operand)}


def _bound(name: str, comparison: rules.NumberComparison | None) -> dict[str, str]:
    bounds = comparison.bounds if comparison is not None else {}
    return next(({f"{name}_op": key, name: f"{bounds[key]:g}"} for key in _BOUNDS if key in bounds), {})


def _within(value: timedelta) -> dict[str, str]:
    unit, letter = (timedelta(days=1), "d") if not value % timedelta(days=1) else (timedelta(hours=1), "h")
    return {"within": str(value // unit), "unit": letter}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
