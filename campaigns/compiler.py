"""Audience rules into SQL conditions over one customer, `c`.

Every value travels as a bind parameter; identifiers come only from the tables below. Segment references are
resolved by the loader given, and a reference that leads back to itself is refused.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import singledispatchmethod
from typing import Any

from campaigns.config import rules
from campaigns.config.gate import Invalid, Problem
from campaigns.config.rules import Rule

TEXT_COLUMNS = (
    "external_id", "email", "phone", "first_name", "last_name", "city", "country", "timezone", "locale"
)  # fmt: skip
MAX_CONDITIONS = 1000
_CONSENT = {"email": "c.consent_email", "sms": "c.consent_sms", "push": "c.consent_push"}
_SYMBOL = {"eq": "=", "ne": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


@dataclass(frozen=True)
class Sql:
    """A condition and its parameters."""

    text: str
    params: tuple[Any, ...] = ()


EVERYBODY, NOBODY = Sql("TRUE"), Sql("FALSE")


def draw(of: str, purpose: str) -> Sql:
    """A number in [0, 1) that is stable for a purpose and a person: 52 bits of an MD5, uniform and reproducible."""
    return Sql(
        f"(('x' || left(md5(%s || ':' || {of}), 13))::bit(52)::bigint / 4503599627370496.0::double precision)",
        (purpose,),
    )


def compile_rule(rule: Rule, *, as_of: datetime, segment: Callable[[str], Rule], among: Sql = EVERYBODY) -> Sql:
    """The condition that `rule` puts on `c`; anniversaries are of the day that `as_of` has in its own time zone.

    `among` is a query of the only customers that it will be asked of, where they are few: no other's events are read.
    Raises Invalid for an unknown or circular segment.
    """
    return _Compiler(as_of, segment, among).condition(rule)


class _Compiler:
    def __init__(self, as_of: datetime, segment: Callable[[str], Rule], among: Sql) -> None:
        self._as_of = as_of
        self._segment = segment
        self._among = among
        self._open: list[str] = []
        self._conditions = 0

    def condition(self, rule: Rule) -> Sql:
        """Segments that name segments multiply: what they come to in all is bounded here."""
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            cure = "let its segments refer to fewer others"
            raise Invalid([Problem("", f"more than {MAX_CONDITIONS} conditions in all: {cure}", "too_large")])
        return self._of(rule)

    @singledispatchmethod
    def _of(self, rule: Any) -> Sql:
        raise Invalid([Problem("", f"{type(rule).__name__} rules cannot be evaluated yet", "not_active")])

    @_of.register
    def _all(self, rule: rules.AllOf) -> Sql:
        return self._join(rule.all, " AND ", EVERYBODY)

    @_of.register
    def _any(self, rule: rules.AnyOf) -> Sql:
        return self._join(rule.any, " OR ", NOBODY)

    @_of.register
    def _not(self, rule: rules.Not) -> Sql:
        inner = self.condition(rule.not_)
        return Sql(f"(({inner.text}) IS NOT TRUE)", inner.params)

    @_of.register
    def _in_segment(self, rule: rules.InSegment) -> Sql:
        if rule.segment in self._open:
            path = " -> ".join([*self._open, rule.segment])
            raise Invalid([Problem("segment", f"segments refer to each other in a circle: {path}", "circular")])
        self._open.append(rule.segment)
        try:
            return self.condition(self._segment(rule.segment))
        finally:
            self._open.pop()

    @_of.register
    def _attribute(self, rule: rules.Attribute) -> Sql:
        name = rule.attribute.removeprefix("attributes.")
        is_column = name in TEXT_COLUMNS and name == rule.attribute
        value = Sql(f"nullif(c.{name}, '')") if is_column else Sql("(c.attributes ->> %s)", (name,))
        if rule.operator == "anniversary":
            return _anniversary(value, self._as_of.date())
        return _compare_text(value, rule) if is_column else _compare_json("c.attributes", name, rule)

    @_of.register
    def _consented(self, rule: rules.Consented) -> Sql:
        column = _CONSENT.get(rule.consent.channel)
        if column is None:
            raise Invalid([Problem("consent.channel", "consent is kept for email, sms and push", "channel")])
        return Sql(column)

    @_of.register
    def _sample(self, rule: rules.Sample) -> Sql:
        number = draw("c.external_id", "sample")
        return Sql(f"({number.text} < %s)", (*number.params, rule.sample))

    @_of.register
    def _event(self, rule: rules.Event) -> Sql:
        """`c` among the customers whose matching events fulfil the bounds; bounds that nothing fulfils are negated."""
        where, having = self._events_where(rule), _events_having(rule)
        holds_for_none = all(bound.holds(0) for bound in (rule.count, rule.sum) if bound is not None) and (
            rule.count is not None or rule.sum is not None
        )
        group = f"SELECT e.customer_id FROM campaigns_event e WHERE {where.text} GROUP BY e.customer_id HAVING "
        if holds_for_none:
            text = f"(c.id NOT IN ({group} NOT ({having.text})))"
        else:
            text = f"(c.id IN ({group} {having.text}))"
        return Sql(text, where.params + having.params)

    def _events_where(self, rule: rules.Event) -> Sql:
        parts = [Sql("e.name = %s", (rule.event,)), Sql("e.occurred_at <= %s", (self._as_of,))]
        if rule.within:
            parts.append(Sql("e.occurred_at > %s", (self._as_of - rule.within,)))
        if rule.since:
            parts.append(Sql("e.occurred_at >= %s", (rule.since,)))
        if rule.until:
            parts.append(Sql("e.occurred_at < %s", (rule.until,)))
        if self._among is not EVERYBODY:  # and the index of a customer's events serves
            parts.append(Sql(f"e.customer_id IN ({self._among.text})", self._among.params))
        parts += [self._event_property(comparison) for comparison in rule.where]
        return _joined(parts, " AND ")

    def _event_property(self, rule: rules.PropertyComparison) -> Sql:
        if rule.operator == "anniversary":
            return _anniversary(Sql("(e.properties ->> %s)", (rule.property,)), self._as_of.date())
        return _event_property(rule)

    def _join(self, inner: list[Rule], word: str, empty: Sql) -> Sql:
        return _joined([self.condition(rule) for rule in inner], word) if inner else empty


def _joined(parts: list[Sql], word: str) -> Sql:
    return Sql(f"({word.join(part.text for part in parts)})", tuple(p for part in parts for p in part.params))


def _events_having(rule: rules.Event) -> Sql:
    parts: list[Sql] = []
    if rule.count is not None:
        parts += [Sql(f"count(*) {_SYMBOL[name]} %s", (bound,)) for name, bound in rule.count.bounds.items()]
    if rule.sum is not None:
        amount = _event_number(rule.sum.property)
        parts += [
            Sql(f"coalesce(sum({amount.text}), 0) {_SYMBOL[name]} %s", (*amount.params, bound))
            for name, bound in rule.sum.bounds.items()
        ]
    return _joined(parts, " AND ") if parts else Sql("count(*) > 0")


def _event_number(name: str) -> Sql:
    return Sql("e.value") if name == "value" else _json_number("e.properties", name)


def _event_property(rule: rules.PropertyComparison) -> Sql:
    if rule.property == "value":
        return _compare_number(Sql("e.value"), rule)
    if rule.property == "currency":
        return _compare_text(Sql("nullif(e.currency, '')"), rule)
    return _compare_json("e.properties", rule.property, rule)


def _anniversary(value: Sql, day: date) -> Sql:
    """Whether a date as text (`1990-05-17`, `--05-17`, `05-17`) falls on `day`; anything else falls on none."""
    days = [f"{day:%m-%d}"]
    if days == ["02-28"] and not isleap(day.year):
        days.append("02-29")
    is_date = f"{value.text} ~ '^([0-9]{{4}}-|--)?[0-9]{{2}}-[0-9]{{2}}$'"
    return Sql(f"({is_date} AND right({value.text}, 5) = ANY(%s))", (*value.params, *value.params, days))


def _compare_json(column: str, name: str, rule: rules.Comparison) -> Sql:
    """Numbers compare as numbers, also where they were stored as text; everything else compares as text."""
    if rule.operator == "exists":
        present = Sql(f"({column} ->> %s IS NOT NULL)", (name,))
        return present if rule.operand else Sql(f"(NOT {present.text})", present.params)
    values = rule.operand if isinstance(rule.operand, list | tuple) else [rule.operand]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return _compare_number(_json_number(column, name), rule)
    return _compare_text(Sql(f"({column} ->> %s)", (name,)), rule)


def _json_number(column: str, name: str) -> Sql:
    text = f"({column} ->> %s)"
    is_number = rf"{text} ~ '^-?[0-9]{{1,30}}(\.[0-9]{{1,30}})?([eE][+-]?[0-9]{{1,2}})?$'"
    return Sql(f"(CASE WHEN {is_number} THEN {text}::numeric END)", (name, name))


def _compare_number(value: Sql, rule: rules.Comparison) -> Sql:
    return _compare(value, rule, lambda operand: operand)


def _compare_text(value: Sql, rule: rules.Comparison) -> Sql:
    return _compare(value, rule, _as_text)


def _as_text(operand: Any) -> str:
    if isinstance(operand, bool):
        return "true" if operand else "false"
    return str(operand)


def _compare(value: Sql, rule: rules.Comparison, cast: Callable[[Any], Any]) -> Sql:
    operator, operand = rule.operator, rule.operand
    if operator == "exists":
        return Sql(f"({value.text} IS {'NOT ' if operand else ''}NULL)", value.params)
    if operator in ("in", "not_in"):
        wanted = [cast(item) for item in operand]
        text = f"({value.text} = ANY(%s))" if operator == "in" else f"(({value.text} = ANY(%s)) IS NOT TRUE)"
        return Sql(text, (*value.params, wanted))
    if operator == "between":
        return Sql(f"({value.text} BETWEEN %s AND %s)", (*value.params, cast(operand[0]), cast(operand[1])))
    if operator == "contains":
        return Sql(f"(position(lower(%s) IN lower({value.text}::text)) > 0)", (operand, *value.params))
    if operator == "starts_with":
        return Sql(f"starts_with(lower({value.text}::text), lower(%s))", (*value.params, operand))
    if operator == "ne":
        return Sql(f"({value.text} IS DISTINCT FROM %s)", (*value.params, cast(operand)))
    return Sql(f"({value.text} {_SYMBOL[operator]} %s)", (*value.params, cast(operand)))
