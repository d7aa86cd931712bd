"""What a customer did, asked of the events: which, when, how often, for how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from campaigns.compiler import comparisons
from campaigns.compiler.comparisons import Value
from campaigns.compiler.counts import Times, times
from campaigns.compiler.pieces import EVERYBODY, NOBODY, SYMBOL, Sql, certain, joined
from campaigns.config import rules

_CATEGORY = 100  # characters of it that the events' column of that name holds
_ONCE = Times(1)


@dataclass(frozen=True)
class Window:
    """From when to when: a column of ours must fulfil all of `begins` and then `ends`, each an operator and instant."""

    begins: tuple[tuple[str, datetime], ...]
    ends: tuple[str, datetime]

    def begun(self, column: str) -> Sql:
        return joined([Sql(f"{column} {symbol} %s", (at,)) for symbol, at in self.begins], " AND ")

    def ended(self, column: str) -> Sql:
        return Sql(f"{column} {self.ends[0]} %s", (self.ends[1],))

    def of(self, column: str) -> Sql:
        begun = [self.begun(column)] if self.begins else []
        return joined([*begun, self.ended(column)], " AND ")


def condition(
    rule: rules.Event,
    window: Window,
    today: date,
    among: Sql,
    *,
    at_once: bool = False,
    needed: Sql = EVERYBODY,
) -> Sql:
    """`f` has events that fulfil the bounds. Where having none fulfils them, it has not those that break them.

    Each is an EXISTS: Postgres joins, hashes or looks people up one by one, whichever is cheapest; or, `at_once`, a set
    that is made whole, which leaves Postgres free to read everybody in parallel. Looking somebody up in that set costs
    more than a look at facts: whoever fails `needed` has no such event, and is not looked up. `among` is as for
    compile_rule.
    """
    wanted = times(rule.count) if rule.count else Times(0) if rule.sum else _ONCE
    if wanted.is_impossible:
        return NOBODY
    where = joined([window.of("e.occurred_at"), *_which(rule, today), *_of_few(among)], " AND ")
    holds_of_none = wanted.holds(0) and (rule.sum is None or rule.sum.holds(0))
    if rule.sum is None and (wanted == _ONCE or (wanted.least, wanted.most) == (0, 0)):
        held = _exists(where, at_once=at_once)
    else:
        held = _counted(where, _having(rule, wanted), breaks=holds_of_none, at_once=at_once)
    if needed is EVERYBODY:
        return Sql(f"(NOT {held.text})", held.params) if holds_of_none else held
    sought = joined([certain(needed), held], " AND ")
    return Sql(f"({sought.text} IS NOT TRUE)", sought.params) if holds_of_none else sought


def _counted(where: Sql, having: Sql, *, breaks: bool, at_once: bool) -> Sql:
    """`f` has events that fulfil the bounds together; or, `breaks`, that do not."""
    people = (
        f"SELECT e.customer_id FROM campaigns_event e WHERE {where.text}"
        f" GROUP BY e.customer_id HAVING {'NOT ' if breaks else ''}({having.text})"
    )
    held = f"EXISTS (SELECT FROM ({people}) found WHERE found.customer_id = f.customer_id)"
    text = f"({f'f.customer_id IN ({people})' if at_once else held})"
    return Sql(text, where.params + having.params)


def found(rule: rules.Event, window: Window, today: date) -> Sql:
    """What a person really has of it, as JSON: {count, sum, last}; `sum` is of the property that the rule adds up."""
    amount = _summed(rule.sum.property if rule.sum else "value")
    where = joined([window.of("e.occurred_at"), *_which(rule, today)], " AND ")
    text = (
        f"(SELECT json_build_object('count', count(*), 'sum', sum({amount.text}), 'last', max(e.occurred_at))"
        f" FROM campaigns_event e WHERE e.customer_id = f.customer_id AND {where.text})"
    )
    return Sql(text, (*amount.params, *where.params))


def reacted(names: Sequence[str], window: Window, among: Sql, *, at_once: bool = False) -> Sql:
    """`f` has any event of these names."""
    where = joined([window.of("e.occurred_at"), Sql("e.name = ANY(%s)", (list(names),)), *_of_few(among)], " AND ")
    return _exists(where, at_once=at_once)


def _exists(where: Sql, *, at_once: bool) -> Sql:
    if at_once:
        text = f"(f.customer_id IN (SELECT e.customer_id FROM campaigns_event e WHERE {where.text}))"
    else:
        text = f"EXISTS (SELECT FROM campaigns_event e WHERE e.customer_id = f.customer_id AND {where.text})"
    return Sql(text, where.params)


def _which(rule: rules.Event, today: date) -> list[Sql]:
    return [Sql("e.name = %s", (rule.event,)), *(_property(comparison, today) for comparison in rule.where)]


def _of_few(among: Sql) -> list[Sql]:
    return [] if among is EVERYBODY else [Sql(f"e.customer_id IN ({among.text})", among.params)]


def _property(rule: rules.PropertyComparison, today: date) -> Sql:
    is_date = rule.operator in ("anniversary", "before", "on", "after")
    if rule.property == "value" and not is_date:
        return comparisons.compare_amount("e.value", rule)
    if rule.property == "currency" and not is_date:
        return comparisons.compare(Value(Sql("nullif(e.currency, '')")), rule, today)
    if rule.property == "category" and _is_in_column(rule):
        return comparisons.compare(Value(Sql("e.category")), rule, today)
    return comparisons.compare(comparisons.in_json("e.properties", rule.property), rule, today)


def _is_in_column(rule: rules.PropertyComparison) -> bool:
    """Its index answers alone. The column is cut off at its length, and blank where there is no category."""
    return rule.operator in ("eq", "in") and all(
        isinstance(each, str) and 0 < len(each) < _CATEGORY for each in comparisons.operands(rule)
    )


def _having(rule: rules.Event, wanted: Times) -> Sql:
    parts = [wanted.of("count(*)")] if rule.count else []
    if rule.sum is not None:
        amount = _summed(rule.sum.property)
        parts += [
            Sql(f"coalesce(sum({amount.text}), 0) {SYMBOL[name]} %s::numeric", (*amount.params, decimal))
            for name, decimal in ((name, comparisons.decimal(bound)) for name, bound in rule.sum.bounds.items())
        ]
    return joined(parts, " AND ")


def _summed(name: str) -> Sql:
    if name == "value":
        return Sql("e.value")
    return comparisons.parsed(Sql("(e.properties ->> %s)", (name,)), "numeric")
