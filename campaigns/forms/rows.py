"""One condition of a rule as the fields of a form row, and back. Pure.

A row that cannot show its rule exactly is of kind `kept`: it shows a sentence, and hands the rule back untouched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import singledispatch
from typing import Any

from campaigns import compiler, sentences
from campaigns.config import rules
from campaigns.config.gate import Invalid, Problem, dump, parse_rule
from campaigns.config.rules import Rule
from campaigns.forms import comparisons, rule_words
from campaigns.forms.comparisons import INCOMPLETE

_NAMED = {"attribute": "field", "event": "event", "segment": "segment", "sample": "percent", "kept": "json"}
# What is typed or chosen of a condition beside that: with any of these, it was begun.
_TYPED = {
    "attribute": ("value", "to"),
    "event": ("count_op", "count", "count_to", "when", "within", "since", "until", "sum_op", "sum", "sum_to"),
}
_BOUNDS = ("gte", "lte", "eq", "gt", "lt")
_CHANNELS = [key for key, _ in rule_words.CHANNELS]
_DATE = re.compile(r"[0-9]{4}-")
_WHERE = re.compile(r"w(\d{1,2})_(field|op|value|to|as)\Z")


@dataclass
class Row:
    """A condition as typed. `at` is where a form has it; `problems` say what is wrong, once `compose` has judged it."""

    kind: str
    values: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    at: str = ""

    @property
    def is_blank(self) -> bool:
        """Nothing was filled in: the row counts for nothing."""
        if self.kind not in _NAMED:
            return False
        begun = (_NAMED[self.kind], *_TYPED.get(self.kind, ()))
        return not any(self.values.get(name, "").strip() for name in begun) and not (
            self.kind == "event" and self.wheres
        )

    @property
    def sentence(self) -> str:
        """What a kept row keeps, in words; empty when it was damaged."""
        try:
            return sentences.phrase(parse_rule(_make_kept(self.values)))
        except Invalid:
            return ""

    @property
    def wheres(self) -> list[dict[str, str]]:
        """The details asked of an event, as comparisons with a `field`; in the order of their numbers."""
        found: dict[int, dict[str, str]] = {}
        for name, value in self.values.items():
            if match := _WHERE.match(name):
                found.setdefault(int(match[1]), {})[match[2]] = value
        begun = ("field", "value", "to")
        return [found[number] for number in sorted(found) if any(found[number].get(name, "").strip() for name in begun)]


def row_of(rule: Rule) -> Row:
    """The row that shows a rule, or keeps it."""
    row = _row(rule)
    if row is not None and _says_the_same(row, rule):
        return row
    return kept(rule)


def kept(rule: Rule) -> Row:
    """The row that hands a rule back as it is."""
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
    name = comparisons.needed(values.get("field", ""), "which field of the customer")
    return {"attribute": name} | comparisons.compose(values, is_text=name in compiler.TEXT_COLUMNS)


def _make_event(values: Mapping[str, str]) -> dict[str, Any]:
    rule: dict[str, Any] = {"event": comparisons.needed(values.get("event", ""), "what they did")}
    if bound := _bound(values, "count", "how often"):
        rule["count"] = bound
    if bound := _bound(values, "sum", "the total"):
        rule["sum"] = {"property": values.get("sum_property", "").strip() or "value"} | bound
    rule |= _make_period(values)
    if wheres := Row("event", dict(values)).wheres:
        rule["where"] = [_make_where(where) for where in wheres]
    return {"not": rule} if values.get("did") == "did_not" else rule


def _make_where(values: Mapping[str, str]) -> dict[str, Any]:
    return {"property": comparisons.needed(values.get("field", ""), "which detail")} | comparisons.compose(values)


def _make_period(values: Mapping[str, str]) -> dict[str, Any]:
    chosen = values.get("when") or ("within" if values.get("within", "").strip() else "")
    if chosen == "within":
        return {"within": _window(values)}
    if chosen != "dates":
        return {}
    found = {name: _instant(values[name]) for name in ("since", "until") if values.get(name, "").strip()}
    if not found:
        raise Invalid([Problem("", "write the first day, the last, or both", INCOMPLETE)])
    return found


def _instant(text: str) -> str:
    """A date begins at its midnight; a day in words stays as it is."""
    found = comparisons.day(text, "the day")
    return f"{found}T00:00:00" if _DATE.match(found) else found


def _make_engaged(values: Mapping[str, str]) -> dict[str, Any]:
    window = {"within": values.get("reacted_within", ""), "unit": values.get("reacted_unit", "")}
    rule = {"engaged": {"channel": values.get("reacted_by") or "email", "within": _window(window)}}
    return {"not": rule} if values.get("reacted") == "has_not" else rule


def _make_consent(values: Mapping[str, str]) -> dict[str, Any]:
    rule = {"consent": {"channel": values.get("channel") or "email"}}
    return {"not": rule} if values.get("has") == "has_not" else rule


def _make_segment(values: Mapping[str, str]) -> dict[str, Any]:
    rule = {"segment": comparisons.needed(values.get("segment", ""), "which segment")}
    return {"not": rule} if values.get("is_in") == "not_in" else rule


def _make_sample(values: Mapping[str, str]) -> dict[str, Any]:
    percent = comparisons.number(values.get("percent", ""), "the share")
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
    "engaged": _make_engaged,
    "consent": _make_consent,
    "segment": _make_segment,
    "sample": _make_sample,
    "kept": _make_kept,
}


def _bound(values: Mapping[str, str], name: str, what: str) -> dict[str, float]:
    """`{gte: 3}`, or two of them for a range; nothing where no bound was chosen."""
    chosen = values.get(f"{name}_op", "")
    if not chosen:
        return {}
    if chosen != "between":
        return {chosen: comparisons.number(values.get(name, ""), what)}
    upper = comparisons.number(values.get(f"{name}_to", ""), f"{what}, at most")
    return {"gte": comparisons.number(values.get(name, ""), f"{what}, at least"), "lte": upper}


def _window(values: Mapping[str, str]) -> str:
    return f"{comparisons.whole(values.get('within', ''), 'how long ago')}{values.get('unit') or 'd'}"


# -- rules into rows --------------------------------------------------------------------------------------------------
@singledispatch
def _row(rule: Any) -> Row | None:
    return None


@_row.register
def _attribute_row(rule: rules.Attribute) -> Row | None:
    compared = comparisons.shown(rule, is_text=rule.attribute in compiler.TEXT_COLUMNS)
    return None if compared is None else Row("attribute", {"field": rule.attribute} | compared)


@_row.register
def _event_row(rule: rules.Event) -> Row | None:
    values = {"event": rule.event, "did": "did"} | _bound_fields("count", rule.count) | _bound_fields("sum", rule.sum)
    if rule.sum is not None:
        values["sum_property"] = rule.sum.property
    values |= _period(rule)
    for number, where in enumerate(rule.where):
        compared = comparisons.shown(where)
        if compared is None:
            return None
        values |= {f"w{number}_{key}": value for key, value in ({"field": where.property} | compared).items()}
    return Row("event", values)


@_row.register
def _engaged_row(rule: rules.Engaged) -> Row | None:
    if isinstance(rule.engaged, str) or rule.engaged.channel not in _CHANNELS:
        return None
    window = {f"reacted_{name}": value for name, value in _within(rule.engaged.within).items()}
    return Row("engaged", {"reacted": "has", "reacted_by": rule.engaged.channel} | window)


@_row.register
def _consent_row(rule: rules.Consented) -> Row | None:
    if rule.consent.channel not in _CHANNELS:
        return None
    return Row("consent", {"has": "has", "channel": rule.consent.channel})


@_row.register
def _segment_row(rule: rules.InSegment) -> Row | None:
    return Row("segment", {"is_in": "in", "segment": rule.segment})


@_row.register
def _sample_row(rule: rules.Sample) -> Row | None:
    return Row("sample", {"percent": f"{rule.sample * 100:g}"})


_NEGATED = {
    "event": ("did", "did_not"), "engaged": ("reacted", "has_not"), "consent": ("has", "has_not"),
    "segment": ("is_in", "not_in"),
}  # fmt: skip


@_row.register
def _not_row(rule: rules.Not) -> Row | None:
    row = _row(rule.not_)
    if row is None or row.kind not in _NEGATED or isinstance(rule.not_, rules.Not):
        return None
    name, value = _NEGATED[row.kind]
    row.values[name] = value
    return row


def _bound_fields(name: str, comparison: rules.NumberComparison | None) -> dict[str, str]:
    bounds = comparison.bounds if comparison is not None else {}
    if set(bounds) == {"gte", "lte"}:
        return {f"{name}_op": "between", name: f"{bounds['gte']:.15g}", f"{name}_to": f"{bounds['lte']:.15g}"}
    return next(({f"{name}_op": key, name: f"{bounds[key]:.15g}"} for key in _BOUNDS if key in bounds), {})


def _period(rule: rules.Event) -> dict[str, str]:
    if rule.within is not None:
        return {"when": "within"} | _within(rule.within)
    days = {name: _day(moment) for name in ("since", "until") if (moment := getattr(rule, name)) is not None}
    return {"when": "dates"} | days if days else {}


def _day(moment: datetime | str) -> str:
    return moment if isinstance(moment, str) else f"{moment:%Y-%m-%d}"


def _within(value: timedelta) -> dict[str, str]:
    unit, letter = (timedelta(days=1), "d") if not value % timedelta(days=1) else (timedelta(hours=1), "h")
    return {"within": str(value // unit), "unit": letter}
