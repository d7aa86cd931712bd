"""What the rule builder offers: names and values that really occur in this retailer's data."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from campaigns import compiler
from campaigns.models import Customer, Event, Segment

RECENT_CUSTOMERS, RECENT_EVENTS = 1000, 3000  # a look at the newest tells the names; the whole tables would take long
MOST_VALUES = 25
_WITHOUT_VALUES = ("external_id", "email", "phone", "first_name", "last_name")  # hardly ever the same twice


@dataclass(frozen=True)
class Suggestions:
    """`fields`: name -> values that occur, most frequent first. `events`: name -> property -> values."""

    fields: dict[str, list[str]]
    events: dict[str, dict[str, list[str]]]
    segments: list[tuple[str, str]] = field(default_factory=list)


def suggestions(*, without_segment: str = "") -> Suggestions:
    """Three bounded queries. `without_segment` leaves out the segment that is being edited."""
    segments = Segment.objects.exclude(key=without_segment).order_by("name").values_list("key", "name")
    return Suggestions(_fields(), _events(), list(segments))


def event_names() -> list[str]:
    """Names of what customers did lately, the most frequent first; one bounded query."""
    counted = Counter(Event.objects.order_by("-pk").values_list("name", flat=True)[:RECENT_EVENTS])
    return [name for name, _ in counted.most_common(MOST_VALUES)]


def _fields() -> dict[str, list[str]]:
    columns = [name for name in compiler.TEXT_COLUMNS if name not in _WITHOUT_VALUES]
    counted: dict[str, Counter[str]] = {name: Counter() for name in compiler.TEXT_COLUMNS}
    newest = Customer.objects.order_by("-pk").values(*columns, "attributes")[:RECENT_CUSTOMERS]
    for customer in newest:
        attributes = customer.pop("attributes")
        for name, value in (customer | attributes).items():
            _count(counted, name, value)
    return {name: _most_frequent(values) for name, values in counted.items()}


def _events() -> dict[str, dict[str, list[str]]]:
    counted: dict[str, dict[str, Counter[str]]] = {}
    newest = Event.objects.order_by("-pk").values_list("name", "properties")[:RECENT_EVENTS]
    for name, properties in newest:
        of_event = counted.setdefault(name, {"value": Counter()})
        for key, value in properties.items():
            _count(of_event, key, value)
    return {
        name: {key: _most_frequent(values) for key, values in sorted(of_event.items())}
        for name, of_event in sorted(counted.items())
    }


def _count(counted: dict[str, Counter[str]], name: str, value: Any) -> None:
    if isinstance(value, bool):
        value = "true" if value else "false"
    if isinstance(value, str | int | float) and value != "":
        counted.setdefault(name, Counter())[str(value)[:100]] += 1


def _most_frequent(values: Counter[str]) -> list[str]:
    return [value for value, _ in values.most_common(MOST_VALUES)]
