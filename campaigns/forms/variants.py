"""The variants of a step as a form field: subject lines that compete, and each one's texts for the template."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from string import ascii_lowercase
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

MOST = 20
_FIELD = re.compile(r"-(\d{1,4})-(key|subject|text-(\w{1,63}))\Z")


@dataclass
class Row:
    """A variant as typed."""

    key: str = ""
    subject: str = ""
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def lines(self) -> list[tuple[str, str, str]]:
        """Name, label and value of each text."""
        return [(name, name.replace("_", " ").capitalize(), value) for name, value in self.texts.items()]

    @property
    def is_blank(self) -> bool:
        return not (self.key or self.subject or any(self.texts.values()))


class VariantsWidget(forms.Widget):
    """`names` are the texts that the chosen template asks for; `names_by_template` lets a change of mind ask anew."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.names_by_template: dict[str, list[str]] = {}

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[Row]:
        found: dict[int, Row] = {}
        for posted in data:
            match = _FIELD.search(posted) if posted.startswith(f"{name}-") else None
            if match:
                row = found.setdefault(int(match[1]), Row())
                if match[3]:
                    row.texts[match[3]] = data[posted].strip()
                else:
                    setattr(row, match[2], data[posted].strip())
        return [found[number] for number in sorted(found) if not found[number].is_blank]

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return not any(posted.startswith(f"{name}-") for posted in data)

    def id_for_label(self, id_: str) -> str:
        return ""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        rows = [each if isinstance(each, Row) else row_of(each) for each in value or []] or [Row(key="a")]
        for row in rows:
            row.texts = {text: row.texts.get(text, "") for text in dict.fromkeys([*self.names, *row.texts])}
        blank = Row(texts=dict.fromkeys(self.names, ""))
        context = {"name": name, "rows": list(enumerate(rows)), "blank": blank, "by_template": self.names_by_template}
        return SafeString(render_to_string("console/variants.html", context))


class VariantsField(forms.Field):
    """Cleans to variants as plain configuration data."""

    widget = VariantsWidget

    def clean(self, value: list[Row]) -> list[dict[str, Any]]:
        if len(value) > MOST:
            raise ValidationError(f"A message has at most {MOST} variants: remove {len(value) - MOST}.")
        return variants(value)


def row_of(variant: Mapping[str, Any]) -> Row:
    texts = {name: _text(value) for name, value in (variant.get("content") or {}).items()}
    return Row(variant["key"], variant.get("subject") or "", texts)


def variants(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Configuration data. A row without a key gets the first free letter; blank texts are left to the template."""
    given = list(rows) or [Row(key="a")]
    free = (letter for letter in ascii_lowercase if letter not in {row.key for row in given})
    made = []
    for row in given:
        variant: dict[str, Any] = {"key": row.key or next(free)}
        if row.subject:
            variant["subject"] = row.subject
        if any(row.texts.values()):
            variant["content"] = {name: value for name, value in row.texts.items() if value}
        made.append(variant)
    return made


def with_types_of(made: list[dict[str, Any]], before: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A number or truth value that was not changed in its box stays one."""
    old = {variant["key"]: variant.get("content") or {} for variant in before}
    for variant in made:
        for name, value in variant.get("content", {}).items():
            was = old.get(variant["key"], {}).get(name)
            if was is not None and _text(was) == value:
                variant["content"][name] = was
    return made


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
