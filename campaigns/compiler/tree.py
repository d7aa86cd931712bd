"""A rule, branch by branch, into one condition."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time
from functools import singledispatchmethod
from typing import Any

from campaigns.compiler import comparisons, events, known
from campaigns.compiler.comparisons import Value
from campaigns.compiler.events import Window
from campaigns.compiler.known import Guard, Late
from campaigns.compiler.pieces import EVERYBODY, NOBODY, Sql, certain, draw, joined
from campaigns.config import days, measured, rules
from campaigns.config.gate import Invalid, Problem
from campaigns.config.rules import Rule

TEXT_COLUMNS = (
    "external_id", "email", "phone", "first_name", "last_name", "city", "country", "timezone", "locale"
)  # fmt: skip
MAX_CONDITIONS = 1000
MAX_NESTING = 100  # groups and segments inside one another
_IN_FACTS = {"city": "f.city", "country": "f.country"}
_PRESENT = {"email": "f.has_email", "phone": "f.has_phone"}
_CONSENT = {"email": "f.consent_email", "sms": "f.consent_sms", "push": "f.consent_push"}
_SLOT = re.compile(r"(text|number)_[1-8]")


def compile_rule(
    rule: Rule,
    *,
    as_of: datetime,
    segment: Callable[[str], Rule],
    slot: Callable[[str], str] = lambda name: "",
    among: Sql = EVERYBODY,
    late: Late | None = None,
) -> Sql:
    """The condition that `rule` puts on `f` and `c` as of an instant; days are those of its time zone.

    `segment` and `slot` look up a segment's rule, and the column of facts that holds a custom attribute (none: "").
    `among` is a query of the only customers that it will be asked of, where they are few: no other's events are read.
    With `late`, which says who did something after `as_of`, it is made to be asked of everybody in parallel.
    Raises Invalid for what no rule can ask: an unknown or circular segment, say.
    """
    return _Compiler(as_of, segment, slot, Guard(as_of, among, late)).condition(rule)


def events_in(rule: Any, segment: Callable[[str], Rule]) -> Iterator[rules.Event]:
    """Every question about events in a rule that compiles, segments looked up."""
    if isinstance(rule, rules.AllOf | rules.AnyOf):
        for each in rule.all if isinstance(rule, rules.AllOf) else rule.any:
            yield from events_in(each, segment)
    elif isinstance(rule, rules.Not):
        yield from events_in(rule.not_, segment)
    elif isinstance(rule, rules.InSegment):
        yield from events_in(segment(rule.segment), segment)
    elif isinstance(rule, rules.Event):
        yield rule


def actual(
    rule: Rule, *, as_of: datetime, segment: Callable[[str], Rule], slot: Callable[[str], str] = lambda name: ""
) -> Sql:
    """What a person really has of what a rule without rules inside asks for: a JSON value, as the condition reads it.

    A value, {count, sum, last} of events, an instant of engagement, a yes or no, a number drawn.
    """
    return _Compiler(as_of, segment, slot, Guard(as_of, EVERYBODY, None)).actual(rule)


class _Compiler:
    def __init__(
        self, as_of: datetime, segment: Callable[[str], Rule], slot: Callable[[str], str], guard: Guard
    ) -> None:
        self._as_of = as_of
        self._segment = segment
        self._slot = slot
        self._guard = guard
        self._at_once = guard.late is not None
        self._open: list[str] = []
        self._conditions = self._depth = 0

    def condition(self, rule: Rule) -> Sql:
        """Segments that name segments multiply: what they come to in all is bounded here."""
        self._conditions += 1
        self._depth += 1
        cure = "let its segments refer to fewer others"
        if self._conditions > MAX_CONDITIONS:
            raise Invalid([Problem("", f"more than {MAX_CONDITIONS} conditions in all: {cure}", "too_large")])
        if self._depth > MAX_NESTING:
            raise Invalid([Problem("", f"more than {MAX_NESTING} rules inside one another: {cure}", "too_deep")])
        made = self._of(rule)
        self._depth -= 1
        return made

    def actual(self, rule: Rule) -> Sql:
        if isinstance(rule, rules.Event):
            return events.found(rule, self._window(rule), self._as_of.date())
        if isinstance(rule, rules.Attribute):
            held = self._value(rule.attribute).text
        elif isinstance(rule, rules.Consented):
            held = self.condition(rule)
        elif isinstance(rule, rules.Engaged) and not isinstance(rule.engaged, str):
            held = Sql(f"f.engaged_{_engageable(rule.engaged.channel)}_at")
        elif isinstance(rule, rules.Sample):
            held = draw("f.seed", "sample")
        else:
            raise TypeError(f"{type(rule).__name__} asks nothing by itself")
        return Sql(f"to_json({held.text})", held.params)

    @singledispatchmethod
    def _of(self, rule: Any) -> Sql:
        raise TypeError(f"{type(rule).__name__} is no rule")

    @_of.register
    def _all(self, rule: rules.AllOf) -> Sql:
        """Asked of everybody, what numbers of facts decide comes first: most people are out before anything dearer."""
        if not rule.all:
            return EVERYBODY
        if not self._at_once:  # Postgres puts them in order, and joins what it can
            return joined([self.condition(each) for each in rule.all], " AND ")
        *first, last = [self.condition(each) for each in sorted(rule.all, key=self._dearness)]
        return joined([*map(certain, first), last], " AND ")

    def _dearness(self, rule: Rule) -> int:
        """What one person costs: 0 for numbers of facts, 1 for their text, 2 for what is not in facts.

        An order that is not in facts is looked for only among those of whom they know that there may be one.
        """
        if isinstance(rule, rules.AllOf | rules.AnyOf):
            inner = rule.all if isinstance(rule, rules.AllOf) else rule.any
            return max(map(self._dearness, inner), default=0)
        if isinstance(rule, rules.Not):
            return self._dearness(rule.not_)
        if isinstance(rule, rules.Attribute):
            column = self._slot(rule.attribute.removeprefix("attributes."))
            return 0 if column.startswith("number") else 1 if column or rule.attribute in _IN_FACTS else 2
        is_elsewhere = isinstance(rule, rules.Event) and rule.event != measured.ORDER
        return 2 if is_elsewhere or isinstance(rule, rules.InSegment) else 0

    @_of.register
    def _any(self, rule: rules.AnyOf) -> Sql:
        return joined([self.condition(each) for each in rule.any], " OR ") if rule.any else NOBODY

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
        if rule.operator == "exists" and rule.attribute in _PRESENT:
            return Sql(_PRESENT[rule.attribute] if rule.operand else f"(NOT {_PRESENT[rule.attribute]})")
        return comparisons.compare(self._value(rule.attribute), rule, self._as_of.date())

    def _value(self, attribute: str) -> Value:
        if attribute in TEXT_COLUMNS:
            return Value(Sql(_IN_FACTS.get(attribute, f"nullif(c.{attribute}, '')")))
        name = attribute.removeprefix("attributes.")
        stored = comparisons.in_json("c.attributes", name)
        column = self._slot(name)
        if not _SLOT.fullmatch(column):
            return stored
        held = Sql(f"f.{column}")
        return Value(held, comparisons.parsed(held)) if column.startswith("text") else Value(stored.text, held)

    @_of.register
    def _consented(self, rule: rules.Consented) -> Sql:
        column = _CONSENT.get(rule.consent.channel)
        if column is None:
            raise Invalid([Problem("consent.channel", "consent is kept for email, sms and push", "channel")])
        return Sql(column)

    @_of.register
    def _engaged(self, rule: rules.Engaged) -> Sql:
        if isinstance(rule.engaged, str):
            cure = "an audience asks for a channel: {channel: email, within: 30d}"
            told = f"only the `when` of a later step can ask for step {rule.engaged!r}; {cure}"
            raise Invalid([Problem("engaged", told, "not_here")])
        channel = _engageable(rule.engaged.channel)
        window = Window(((">", self._as_of.astimezone(UTC) - rule.engaged.within),), ("<=", self._as_of))
        column = f"engaged_{channel}_at"

        def of_events(people: Sql) -> Sql:
            return events.reacted(measured.ENGAGEMENTS[channel], window, people, at_once=self._at_once)

        return self._guard.over(column, window.begun(f"f.{column}"), of_events)

    @_of.register
    def _sample(self, rule: rules.Sample) -> Sql:
        number = draw("f.seed", "sample")
        return Sql(f"({number.text} < %s::double precision)", (*number.params, rule.sample))

    @_of.register
    def _event(self, rule: rules.Event) -> Sql:
        window = self._window(rule)

        def of_events(people: Sql) -> Sql:
            return events.condition(rule, window, self._as_of.date(), people, at_once=self._at_once, needed=needed)

        needed = known.ordered(rule, window) if self._at_once else EVERYBODY
        answered = known.orders(rule, window, self._guard, of_events)
        return answered if answered is not None else of_events(self._guard.among)

    def _window(self, rule: rules.Event) -> Window:
        """Nothing after `as_of` has happened yet. A time without an offset is the retailer's."""
        begins: list[tuple[str, datetime]] = []
        if rule.within:
            begins.append((">", self._as_of.astimezone(UTC) - rule.within))
        if rule.since:
            begins.append((">=", self._instant(rule.since)))
        until = self._instant(rule.until) if rule.until else None
        is_over = until is not None and until <= self._as_of
        return Window(tuple(begins), ("<", until) if until and is_over else ("<=", self._as_of))

    def _instant(self, at: datetime | str) -> datetime:
        """Where clocks skip or repeat an hour around it, the earlier instant."""
        if isinstance(at, str):
            at = datetime.combine(days.day(at, self._as_of.date()), time())
        return at if at.tzinfo else at.replace(tzinfo=self._as_of.tzinfo)


def _engageable(channel: str) -> str:
    if channel not in measured.ENGAGEMENTS:
        raise Invalid([Problem("engaged.channel", "engagement is kept for email, sms and push", "channel")])
    return channel
