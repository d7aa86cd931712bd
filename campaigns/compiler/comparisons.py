"""One value against the operand of a comparison.

Numbers compare as numbers (64-bit floating point, as JSON has them), also where they were stored as text; everything
else compares as text. What is not there fulfils only `ne`, `not_in` and `exists: false`.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from campaigns.compiler.pieces import SYMBOL, Sql
from campaigns.config import days, rules
from campaigns.config.gate import Invalid, Problem

# A number as text that Postgres can make one of. One expression for the rules and for the columns that they read.
NUMERIC = r"'^-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?$'"

_DAYS = {"before": "<", "on": "=", "after": ">"}


@dataclass(frozen=True)
class Value:
    """What a comparison is about, as text and, where it can be one, as a number; NULL where it is neither."""

    text: Sql
    number: Sql | None = None


def in_json(column: str, name: str) -> Value:
    """A member of a jsonb column; `column` is an identifier of ours, `name` anybody's."""
    text = Sql(f"({column} ->> %s)", (name,))
    return Value(text, parsed(text))


def parsed(text: Sql, kind: str = "double precision") -> Sql:
    """The number that a text is, else NULL."""
    return Sql(f"(CASE WHEN {text.text} ~ {NUMERIC} THEN ({text.text})::{kind} END)", (*text.params, *text.params))


def compare(value: Value, rule: rules.Comparison, today: date) -> Sql:
    """The condition; `today` is the retailer's."""
    if rule.operator == "exists":
        return Sql(f"({value.text.text} IS {'NOT ' if rule.operand else ''}NULL)", value.text.params)
    if rule.operator == "anniversary":
        return _anniversary(value.text, today)
    if rule.operator in _DAYS:
        return _day(value.text, _DAYS[rule.operator], days.day(rule.operand, today))
    if value.number is not None and _is_numeric(rule):
        return _compare(value.number, rule, float, "::double precision")
    return _compare(value.text, rule, _as_text, "")


def compare_amount(amount: str, rule: rules.Comparison) -> Sql:
    """A decimal column of ours against numbers, exactly. Raises Invalid for an operand that is none."""
    if rule.operator in ("exists", "contains", "starts_with"):
        return compare(Value(Sql(f"{amount}::text")), rule, date.min)
    return _compare(Sql(amount), rule, _as_decimal, "::numeric")


def decimal(number: float) -> Decimal:
    """A number as it was written: 0.1 is a tenth."""
    return Decimal(repr(number))


def _is_numeric(rule: rules.Comparison) -> bool:
    return all(isinstance(each, int | float) and not isinstance(each, bool) for each in operands(rule))


def operands(rule: rules.Comparison) -> list[Any]:
    return list(rule.operand) if isinstance(rule.operand, list | tuple) else [rule.operand]


def _anniversary(value: Sql, day: date) -> Sql:
    """Whether a date as text (`1990-05-17`, `--05-17`, `05-17`) falls on `day`; anything else falls on none."""
    days = [f"{day:%m-%d}"]
    if days == ["02-28"] and not isleap(day.year):
        days.append("02-29")
    is_date = f"{value.text} ~ '^([0-9]{{4}}-|--)?[0-9]{{2}}-[0-9]{{2}}$'"
    return Sql(f"({is_date} AND right({value.text}, 5) = ANY(%s))", (*value.params, *value.params, days))


def _day(value: Sql, symbol: str, day: date) -> Sql:
    """A date as text, or one with a time behind it, against a day; written year first, their order is that of text."""
    is_date = f"{value.text} ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([T ]|$)'"
    written = f"""(CASE WHEN {is_date} THEN left({value.text}, 10) END) COLLATE "C\""""
    return Sql(f"({written} {symbol} %s)", (*value.params, *value.params, day.isoformat()))


def _as_text(operand: Any) -> str:
    if isinstance(operand, bool):
        return "true" if operand else "false"
    return format(decimal(operand), "f") if isinstance(operand, float) else str(operand)


def _as_decimal(operand: Any) -> Decimal:
    if not isinstance(operand, bool):
        try:
            return Decimal(repr(operand) if isinstance(operand, float) else operand)
        except InvalidOperation:
            pass
    raise Invalid([Problem("where", f"`value` is an amount: compare it with a number, not {operand!r}", "type")])


def _compare(value: Sql, rule: rules.Comparison, cast: Callable[[Any], Any], kind: str) -> Sql:
    operator, operand = rule.operator, rule.operand
    if operator in ("in", "not_in"):
        found = f"({value.text} = ANY(%s{kind + '[]' if kind else ''}))"
        text = found if operator == "in" else f"({found} IS NOT TRUE)"
        return Sql(text, (*value.params, [cast(item) for item in operand]))
    if operator == "between":
        text = f"({value.text} BETWEEN %s{kind} AND %s{kind})"
        return Sql(text, (*value.params, cast(operand[0]), cast(operand[1])))
    if operator == "contains":
        return Sql(f"(position(lower(%s) IN lower({value.text}::text)) > 0)", (operand, *value.params))
    if operator == "starts_with":
        return Sql(f"starts_with(lower({value.text}::text), lower(%s))", (*value.params, operand))
    symbol = "IS DISTINCT FROM" if operator == "ne" else SYMBOL[operator]
    return Sql(f"({value.text} {symbol} %s{kind})", (*value.params, cast(operand)))
