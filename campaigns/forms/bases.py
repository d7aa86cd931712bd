"""A base, or what a group says over one, as the platform's page edits it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from campaigns import bases
from campaigns.bases import drafts
from campaigns.config.gate import Invalid, Problem
from campaigns.forms import base_languages, fill_rows, slot_rows
from campaigns.layering import Base
from tenants.models import BaseTemplate

FIRST = """\
<!doctype html>
<html lang="en"><body>
  <h1>{{ content.headline }}</h1>
  {% block main %}<p>What is new.</p>{% endblock %}
  {% locked footer %}<p>{{ brand.name }}{% if brand.postal_address %}, {{ brand.postal_address }}{% endif %}
  <a href="{{ unsubscribe_url }}">Unsubscribe</a></p>{% endlocked %}
</body></html>
"""
_LINES = ("subject", "preheader")
_SOURCES = ("source_format", "html", "text")


def first_draft(base: BaseTemplate) -> dict[str, Any]:
    """What a new one begins with."""
    if bases.is_layer(base):
        return {}
    slots = {"headline": {"type": "text", "label": "Headline", "default": "Hello"}}
    return {"source_format": "html", "subject": "News of {{ brand.name }}", "html": FIRST, "slots": slots}


class BaseForm:
    """`data` is what was posted, if anything. What is wrong is told at its row, or else in `problems`."""

    def __init__(self, base: BaseTemplate, data: Mapping[str, str] | None = None) -> None:
        self.base = base
        self.is_layer = bases.is_layer(base)
        self.below: Base | None = drafts.platforms(base.key) if self.is_layer else None
        given = (data or {}).get("number", "")
        self.number = int(given) if given.isdecimal() and len(given) < 10 else base.number
        self.name = (data or {}).get("name", base.name).strip()
        self.slots = [] if self.is_layer else slot_rows.posted(data) if data else _shown(base.draft)
        self.draft = dict(base.draft) if data is None else self._document(data)
        self.fills = fill_rows.shown(self.below, self.draft) if self.below else []
        self.languages = self._languages()
        self.problems = self._told(bases.check(base, self.draft))

    @property
    def blank(self) -> slot_rows.SlotRow:
        return slot_rows.SlotRow()

    @property
    def types(self) -> dict[str, str]:
        return slot_rows.TYPES

    @property
    def blank_language(self) -> base_languages.LanguageRow | None:
        lies = self._lies(self.draft)
        return base_languages.blank(lies, has_blocks=self.is_layer) if lies else None

    @property
    def choices(self) -> list[tuple[str, str]]:
        return base_languages.choices()

    def save(self) -> BaseTemplate | None:
        """None where what was written is no document, which its field tells. Raises bases.ChangedMeanwhile."""
        if len({row.name for row in self.slots}) < len(self.slots):
            return None
        self.base.name = self.name
        try:
            return bases.save(self.base, self.draft, number=self.number)
        except Invalid as invalid:  # what is wrong with the draft was told already
            self.problems += [problem for problem in invalid.problems if problem.field == "name"]
            return None

    def _document(self, data: Mapping[str, str]) -> dict[str, Any]:
        said: dict[str, Any] = {name: value for name in _LINES if (value := data.get(name, "").strip())}
        if self.is_layer:
            said |= fill_rows.document(self.below, data) if self.below else {}
            return said | self._translated(said, data)
        sources = {name: data[name].replace("\r\n", "\n") for name in _SOURCES if data.get(name, "").strip()}
        said |= sources | {"slots": slot_rows.document(self.slots)}
        return said | self._translated(said, data)

    def _translated(self, said: Mapping[str, Any], data: Mapping[str, str]) -> dict[str, Any]:
        before, lies = self.base.draft.get("translations", {}), self._lies(said)
        found = before if lies is None else base_languages.document(lies, data, before, has_blocks=self.is_layer)
        return {"translations": found} if found else {}

    def _lies(self, draft: Mapping[str, Any]) -> Base | None:
        """What its languages fill: the platform's base, or its own slots; None while there is none of the former."""
        return self.below if self.is_layer else base_languages.of_draft(draft)

    def _languages(self) -> list[base_languages.LanguageRow]:
        lies = self._lies(self.draft)
        said = self.draft.get("translations", {})
        return base_languages.shown(lies, said, has_blocks=self.is_layer) if lies else []

    def _told(self, problems: list[Problem]) -> list[Problem]:
        left = fill_rows.tell(self.fills, slot_rows.tell(self.slots, problems))
        return base_languages.tell(self.languages, left)


def _shown(draft: Mapping[str, Any]) -> list[slot_rows.SlotRow]:
    return slot_rows.shown(draft.get("slots", {}), f"{draft.get('subject', '')}{draft.get('html', '')}")
