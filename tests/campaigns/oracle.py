"""What a rule means, said once more in Python over a person and a list of events: nothing of the compiler is used."""

from __future__ import annotations

import hashlib
import json
import re
from calendar import isleap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.config import gate, rules
from campaigns.models import Customer, Event

FIELDS = ("external_id", "email", "phone", "first_name", "last_name", "city", "country", "timezone", "locale")
REACTIONS = {"email": {"email_opened", "email_clicked"}, "sms": {"sms_clicked"}, "push": {"push_opened"}}
NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?")


@dataclass(frozen=True)
class Oracle:
    """Asked as of an instant, for a retailer of that time zone and these segments."""

    as_of: datetime
    zone: ZoneInfo
    segments: Mapping[str, Any]

    @property
    def today(self) -> date:
        return self.as_of.astimezone(self.zone).date()

    def holds(self, rule: Any, person: Customer, events: list[Event]) -> bool:  # noqa: C901 -- one line a kind
        if isinstance(rule, rules.AllOf):
            return all(self.holds(inner, person, events) for inner in rule.all)
        if isinstance(rule, rules.AnyOf):
            return any(self.holds(inner, person, events) for inner in rule.any)
        if isinstance(rule, rules.Not):
            return not self.holds(rule.not_, person, events)
        if isinstance(rule, rules.InSegment):
            return self.holds(gate.parse_rule(self.segments[rule.segment]), person, events)
        if isinstance(rule, rules.Consented):
            return bool(getattr(person, f"consent_{rule.consent.channel}"))
        if isinstance(rule, rules.Sample):
            return drawn(person, "sample") < rule.sample
        if isinstance(rule, rules.Engaged):
            names, begun = REACTIONS[rule.engaged.channel], self.before(rule.engaged.within)
            return any(e.name in names and begun < e.occurred_at <= self.as_of for e in events)
        if isinstance(rule, rules.Event):
            return self.did(rule, events)
        return self.compares(rule, known(person, rule.attribute), is_text=rule.attribute in FIELDS)

    def did(self, rule: rules.Event, events: list[Event]) -> bool:
        found = [event for event in events if event.name == rule.event and self.counts(rule, event)]
        if rule.count is None and rule.sum is None:
            return bool(found)
        fits = rule.count is None or bounded(rule.count, len(found))
        return fits and (rule.sum is None or bounded(rule.sum, summed(found, rule.sum.property)))

    def counts(self, rule: rules.Event, event: Event) -> bool:
        at = event.occurred_at
        return (
            at <= self.as_of
            and (rule.within is None or at > self.before(rule.within))
            and (rule.since is None or at >= self.instant(rule.since))
            and (rule.until is None or at < self.instant(rule.until))
            and all(self.happened_with(where, event) for where in rule.where)
        )

    def happened_with(self, rule: rules.PropertyComparison, event: Event) -> bool:
        if rule.property == "value":
            return self.compares(rule, event.value)
        if rule.property == "currency":
            return self.compares(rule, event.currency or None, is_text=True)
        return self.compares(rule, event.properties.get(rule.property))

    def compares(self, rule: rules.Comparison, value: Any, *, is_text: bool = False) -> bool:
        operator, operand = rule.operator, rule.operand
        if operator == "exists":
            return (value is not None) is operand
        if operator in ("anniversary", "before", "on", "after"):
            return self.falls(operator, operand, text(value))
        wanted = operand if isinstance(operand, list | tuple) else [operand]
        if isinstance(value, Decimal):
            wanted = [Decimal(str(one)) for one in wanted]
        elif not is_text and all(isinstance(one, int | float) and not isinstance(one, bool) for one in wanted):
            value, wanted = number(value), [float(one) for one in wanted]
        else:
            value, wanted = text(value), [text(one) for one in wanted]
        if operator in ("ne", "not_in"):
            return value not in wanted
        return value is not None and TESTS[operator](value, wanted)

    def falls(self, operator: str, operand: Any, written: str | None) -> bool:
        if operator == "anniversary":
            days = [f"{self.today:%m-%d}"]
            days += ["02-29"] if days == ["02-28"] and not isleap(self.today.year) else []
            is_date = re.fullmatch(r"([0-9]{4}-|--)?[0-9]{2}-[0-9]{2}", written or "")
            return bool(is_date) and (written or "")[-5:] in days
        if not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ]|\Z)", written or ""):
            return False
        ours, theirs = str(written)[:10], self.day(operand).isoformat()
        return {"before": ours < theirs, "on": ours == theirs, "after": ours > theirs}[operator]

    def before(self, within: timedelta) -> datetime:
        """So many seconds ago: a day has 24 hours here, whatever the clocks did."""
        return self.as_of - within

    def instant(self, at: datetime | str) -> datetime:
        if isinstance(at, str):
            at = datetime.combine(self.day(at), time())
        return at if at.tzinfo else in_zone(at, self.zone)

    def day(self, words: str) -> date:
        today = self.today
        if words[:1].isdigit() and "-" in words:
            return date.fromisoformat(words)
        named = {
            "today": today, "yesterday": today - timedelta(1), "tomorrow": today + timedelta(1),
            "start of week": today - timedelta(today.isoweekday() - 1),
            "start of month": date(today.year, today.month, 1),
            "start of quarter": date(today.year, {1: 1, 2: 4, 3: 7, 4: 10}[(today.month + 2) // 3], 1),
            "start of year": date(today.year, 1, 1),
        }  # fmt: skip
        if words in named:
            return named[words]
        amount, unit = re.findall(r"([0-9]+)([dw])", words)[0]
        distance = timedelta(int(amount) * {"d": 1, "w": 7}[unit])
        return today + distance if words.startswith("in ") else today - distance


TESTS: dict[str, Callable[[Any, list[Any]], bool]] = {
    "eq": lambda value, wanted: bool(value == wanted[0]),
    "in": lambda value, wanted: value in wanted,
    "lt": lambda value, wanted: bool(value < wanted[0]),
    "lte": lambda value, wanted: bool(value <= wanted[0]),
    "gt": lambda value, wanted: bool(value > wanted[0]),
    "gte": lambda value, wanted: bool(value >= wanted[0]),
    "between": lambda value, wanted: bool(wanted[0] <= value <= wanted[1]),
    "contains": lambda value, wanted: wanted[0].lower() in value.lower(),
    "starts_with": lambda value, wanted: bool(value.lower().startswith(wanted[0].lower())),
}


def known(person: Customer, attribute: str) -> Any:
    if attribute in FIELDS:
        return getattr(person, attribute) or None
    return person.attributes.get(attribute.removeprefix("attributes."))


def bounded(bounds: rules.NumberComparison, found: int | Decimal) -> bool:
    exact = {name: Decimal(str(bound)) for name, bound in bounds.bounds.items()}
    return all(TESTS[name](found, [bound]) for name, bound in exact.items())


def summed(events: list[Event], name: str) -> Decimal:
    if name == "value":
        return sum((event.value or Decimal(0) for event in events), Decimal(0))
    written = [text(event.properties.get(name)) for event in events]
    return sum((Decimal(each) for each in written if each and NUMBER.fullmatch(each)), Decimal(0))


def number(value: Any) -> float | None:
    written = text(value)
    return float(written) if written is not None and NUMBER.fullmatch(written) else None


def text(value: Any) -> str | None:
    if value is None:
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def drawn(person: Customer, purpose: str) -> float:
    seed = int(hashlib.md5(person.external_id.encode()).hexdigest()[:15], 16)
    return int(hashlib.md5(f"{purpose}:{seed}".encode()).hexdigest()[:13], 16) / 2**52


def in_zone(wall: datetime, zone: tzinfo) -> datetime:
    """The first instant at which clocks there show it, or would have."""
    return wall.replace(tzinfo=zone, fold=0)
