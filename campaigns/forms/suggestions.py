"""What the rule builder offers: names, types and values that really occur in this retailer's data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from campaigns import compiler, sightings
from campaigns.models import AttributeDefinition, Segment
from campaigns.sightings import Sighting

MOST_NAMES = 25
LABELS = {
    "external_id": "Customer number",
    "email": "E-mail address",
    "phone": "Phone",
    "first_name": "First name",
    "last_name": "Last name",
    "city": "City",
    "country": "Country",
    "timezone": "Time zone",
    "locale": "Language",
}
_WITHOUT_VALUES = ("external_id", "email", "phone")  # hardly ever the same twice, and nobody's business in a list


@dataclass(frozen=True)
class Offer:
    """One field or property. `values` are what occurs, most frequent first, with its share in per cent."""

    label: str
    type: str
    about: str = ""
    values: list[tuple[str, str]] = field(default_factory=list)

    def data(self) -> dict[str, Any]:
        return {"label": self.label, "type": self.type, "about": self.about, "values": self.values}


@dataclass(frozen=True)
class Suggestions:
    """`fields`: by name; `events`: by name, then by property."""

    fields: dict[str, Offer] = field(default_factory=dict)
    events: dict[str, dict[str, Offer]] = field(default_factory=dict)
    segments: list[tuple[str, str]] = field(default_factory=list)

    @property
    def segment_keys(self) -> set[str]:
        return {key for key, _ in self.segments}

    def data(self) -> dict[str, Any]:
        """For the builder's script."""
        return {
            "fields": {name: offer.data() for name, offer in self.fields.items()},
            "events": {
                name: {key: offer.data() for key, offer in offers.items()} for name, offers in self.events.items()
            },
        }


def suggestions(*, without_segment: str = "") -> Suggestions:
    """Five bounded queries. `without_segment` leaves out the segment that is being edited."""
    segments = Segment.objects.exclude(key=without_segment).order_by("name").values_list("key", "name")
    return Suggestions(_fields(), _events(), list(segments))


def event_names() -> list[str]:
    """Names of what customers did lately, the most frequent first; one bounded query."""
    return list(sightings.events())[:MOST_NAMES]


def _fields() -> dict[str, Offer]:
    """The customer's own fields, then declared attributes, then those that were merely seen."""
    seen = sightings.customers()
    declared = {each.name: each for each in AttributeDefinition.objects.order_by("name")}
    own = {name: Offer(LABELS[name], "text", "customer field", _values(name, seen)) for name in compiler.TEXT_COLUMNS}
    known = {
        name: Offer(name, each.type, each.description or each.get_type_display().lower(), _values(name, seen))
        for name, each in declared.items()
    }
    others = {
        name: Offer(name, sighting.type, f"seen in {_percent(sighting.share)} of customers", _values(name, seen))
        for name, sighting in sorted(seen.items())
        if name not in own and name not in declared
    }
    return own | known | others


def _events() -> dict[str, dict[str, Offer]]:
    return {
        name: {key: Offer(key, sighting.type, "", _shown(sighting)) for key, sighting in of_event.items()}
        for name, of_event in sightings.events().items()
    }


def _values(name: str, seen: dict[str, Sighting]) -> list[tuple[str, str]]:
    return _shown(seen[name]) if name in seen and name not in _WITHOUT_VALUES else []


def _shown(sighting: Sighting) -> list[tuple[str, str]]:
    return [(value, _percent(share)) for value, share in sighting.values]


def _percent(share: float) -> str:
    return "under 1 %" if share < 0.01 else f"{share * 100:.0f} %"
