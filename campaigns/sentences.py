"""An audience rule in words, as a person would say it. Pure."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import singledispatch
from typing import Any

from campaigns.config import rules
from campaigns.config.rules import Rule

_FIELDS = {
    "external_id": "customer number",
    "email": "e-mail address",
    "first_name": "first name",
    "last_name": "last name",
    "timezone": "time zone",
    "locale": "language",
}
CHANNELS = {"email": "e-mail", "sms": "SMS", "push": "push", "webhook": "webhooks"}
_OPERATORS = {
    "eq": "is {}",
    "ne": "is not {}",
    "in": "is one of {}",
    "not_in": "is none of {}",
    "lt": "is less than {}",
    "lte": "is at most {}",
    "gt": "is more than {}",
    "gte": "is at least {}",
    "contains": "contains {}",
    "starts_with": "starts with {}",
}
_BOUNDS = {"eq": "exactly", "lt": "less than", "lte": "at most", "gt": "more than", "gte": "at least"}
_DAYS = {"before": "earlier than ", "on": "", "after": "later than "}
_OPPOSITES = {"gte": "lt", "lt": "gte", "gt": "lte", "lte": "gt"}
_NEVER: tuple[dict[str, float], ...] = ({"eq": 0}, {"lte": 0}, {"lt": 1})
_TURNED = {"eq": ("eq", "ne"), "ne": ("ne", "eq"), "in": ("in_", "not_in"), "not_in": ("not_in", "in_")}
_STARTS = {of: f"the start of this {of}" for of in ("week", "month", "quarter", "year")}
_UNITS = ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute"))


def sentence(rule: Rule) -> str:
    """One sentence that begins with `Everyone` or `Nobody` and ends in a full stop."""
    if isinstance(rule, rules.AllOf) and not rule.all:
        return "Everyone."
    if isinstance(rule, rules.AnyOf) and not rule.any:
        return "Nobody."
    return f"Everyone {phrase(rule)}."


def phrase(rule: Rule) -> str:
    """The rule as a clause about people: `who did “order” at least 3 times in the last 30 days`."""
    return _phrase(rule)


def duration(value: timedelta) -> str:
    """`60 days`, `1 hour`: the largest unit that divides it."""
    unit, name = next(((unit, name) for unit, name in _UNITS if not value % unit), _UNITS[-1])
    return _counted(value // unit, name)


@singledispatch
def _phrase(rule: Any) -> str:
    raise TypeError(f"{type(rule).__name__} is no rule")


@_phrase.register
def _all(rule: rules.AllOf) -> str:
    return _joined(rule.all, "and", empty="who exists")


@_phrase.register
def _any(rule: rules.AnyOf) -> str:
    return _joined(rule.any, "or", empty="who does not exist")


@_phrase.register
def _not(rule: rules.Not) -> str:
    inner = rule.not_
    if isinstance(inner, rules.Not):
        return phrase(inner.not_)
    if isinstance(inner, rules.Event):
        return _event_not(inner)
    if isinstance(inner, rules.Attribute) and (turned := _turned(inner)):
        return phrase(turned)
    if isinstance(inner, rules.Engaged):
        return f"who did not engage {_engagement(inner)}"
    if isinstance(inner, rules.InSegment):
        return f"who is not in segment {inner.segment}"
    if isinstance(inner, rules.Consented):
        return f"who has not agreed to {CHANNELS[inner.consent.channel]}"
    if isinstance(inner, rules.AnyOf) and inner.any:
        return f"who matches none of: {', '.join(phrase(each) for each in inner.any)}"
    return f"except anyone {phrase(inner)}"


@_phrase.register
def _in_segment(rule: rules.InSegment) -> str:
    return f"who is in segment {rule.segment}"


@_phrase.register
def _attribute(rule: rules.Attribute) -> str:
    name = rule.attribute.removeprefix("attributes.")
    return f"whose {_FIELDS.get(name, name.replace('_', ' '))} {_comparison(rule)}"


@_phrase.register
def _event(rule: rules.Event) -> str:
    if _is_never(rule):
        return f"who did not {_event_words(rule.model_copy(update={'count': None}))}"
    return f"who did {_event_words(rule)}"


def _event_not(rule: rules.Event) -> str:
    """Never is said as such, and a count by its opposite: nobody should have to turn two negations around."""
    if _is_never(rule):
        return f"who did {_event_words(rule.model_copy(update={'count': None}))}"
    if rule.count is None and rule.sum is None:
        return f"who did not {_event_words(rule)}"
    bounds = rule.count.bounds if rule.count and not rule.sum else {}
    opposite = {_OPPOSITES[name]: bound for name, bound in bounds.items() if name in _OPPOSITES}
    if len(bounds) == 1 and opposite:
        return phrase(rule.model_copy(update={"count": rules.NumberComparison(**opposite)}))
    return f"except anyone who did {_event_words(rule)}"


def _is_never(rule: rules.Event) -> bool:
    return rule.sum is None and rule.count is not None and rule.count.bounds in _NEVER


def _turned(rule: rules.Attribute) -> rules.Attribute | None:
    """The comparison that holds of exactly everybody else, where there is one."""
    if rule.operator == "exists":
        return rule.model_copy(update={"exists": not rule.operand})
    if rule.operator not in _TURNED:
        return None
    mine, other = _TURNED[rule.operator]
    return rule.model_copy(update={mine: None, other: rule.operand})


@_phrase.register
def _engaged(rule: rules.Engaged) -> str:
    return f"who engaged {_engagement(rule)}"


def _engagement(rule: rules.Engaged) -> str:
    if isinstance(rule.engaged, str):
        return f"with step {rule.engaged}"
    return f"by {CHANNELS[rule.engaged.channel]} in the last {duration(rule.engaged.within)}"


@_phrase.register
def _consented(rule: rules.Consented) -> str:
    return f"who has agreed to {CHANNELS[rule.consent.channel]}"


@_phrase.register
def _sample(rule: rules.Sample) -> str:
    return f"who falls into a random {rule.sample * 100:g} %"


def _joined(inner: list[Rule], word: str, *, empty: str) -> str:
    """Clauses joined by one word; a group of several inside stands in brackets."""
    if not inner:
        return empty
    clauses = [f"({phrase(each)})" if _is_group(each) and len(inner) > 1 else phrase(each) for each in inner]
    return clauses[0] if len(clauses) == 1 else f"{', '.join(clauses[:-1])} {word} {clauses[-1]}"


def _is_group(rule: Rule) -> bool:
    return len(getattr(rule, "all", None) or getattr(rule, "any", None) or ()) > 1


def _event_words(rule: rules.Event) -> str:
    parts = [f"“{rule.event}”"]
    if rule.count is not None:
        times = rule.count.bounds
        parts.append(" and ".join(f"{_BOUNDS[name]} {_times(bound)}" for name, bound in times.items()))
    if rule.sum is not None:
        amounts = " and ".join(f"{_BOUNDS[name]} {bound:,g}" for name, bound in rule.sum.bounds.items())
        parts.append(f"for {amounts} in total {rule.sum.property}")
    parts += [f"where {each.property} {_comparison(each)}" for each in rule.where]
    parts += [f"in the last {duration(rule.within)}"] if rule.within else []
    parts += [f"since {_instant(rule.since)}"] if rule.since else []
    parts += [f"before {_instant(rule.until)}"] if rule.until else []
    return " ".join(parts)


def _comparison(rule: rules.Comparison) -> str:
    operator, operand = rule.operator, rule.operand
    if operator == "exists":
        return "is known" if operand else "is not known"
    if operator == "anniversary":
        return "is today, in any year"
    if operator in _DAYS:
        return f"is {_DAYS[operator]}{_day(operand)}"
    if operator == "between":
        return f"is between {_value(operand[0])} and {_value(operand[1])}"
    return _OPERATORS[operator].format(_values(operand))


def _values(operand: Any) -> str:
    if not isinstance(operand, list | tuple):
        return _value(operand)
    shown = ", ".join(_value(each) for each in operand[:5])
    return f"{shown} and {len(operand) - 5} more" if len(operand) > 5 else shown


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:,g}" if isinstance(value, float) else str(value)


def _times(number: float) -> str:
    return {1.0: "once", 2.0: "twice"}.get(number) or _counted(number, "time")


def _counted(number: float, noun: str) -> str:
    return f"{number:g} {noun}{'' if number == 1 else 's'}"


def _instant(value: datetime | str) -> str:
    return _day(value) if isinstance(value, str) else _date(value)


def _day(text: str) -> str:
    """`today`, `30 days ago`, `in 1 week`, `the start of this month`, `1 December 2026`."""
    if text.startswith("start of "):
        return _STARTS[text.removeprefix("start of ")]
    if counted := re.fullmatch(r"(in )?([0-9]+)([dw])( ago)?", text):
        return f"{counted[1] or ''}{_counted(int(counted[2]), {'d': 'day', 'w': 'week'}[counted[3]])}{counted[4] or ''}"
    return f"{date.fromisoformat(text):%-d %B %Y}" if text[:1].isdigit() else text


def _date(value: datetime) -> str:
    return f"{value:%-d %B %Y}"
