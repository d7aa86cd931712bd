"""The field of a form that holds what a template says over its base, and in other languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from campaigns.beneath import Beneath
from campaigns.forms import filling
from campaigns.forms.filling import Filled

BLANK = "xx-new"  # stands for a language that is still to be chosen, in what the page's script copies


class FillWidget(forms.Widget):
    """`beneath` is by language, and empty for a template on its own; `problems` by the path of the field."""

    def __init__(self) -> None:
        super().__init__()
        self.beneath: Mapping[str, Beneath] = {}
        self.own: Mapping[str, str] = {}
        self.problems: dict[str, list[str]] = {}
        self.languages: list[tuple[str, str]] = []
        self.wanted = ""  # a language that is asked for and has nothing said in it yet

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Filled:
        return filling.read(data, self.beneath.get(""))

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return False

    def id_for_label(self, id_: str) -> str:
        return ""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        filled: Filled = value if isinstance(value, Filled) else Filled()
        if self.wanted and self.wanted not in filled.translations:
            filled.translations[self.wanted] = {}
        lies = self.beneath.get("")
        first, *others = filling.sections(filled, self.beneath, self.own, self.problems)
        context = {
            "beneath": lies,
            "section": first,
            "translations": [(each, dict(self.languages).get(each.locale, each.locale)) for each in others],
            "blank": filling.section(BLANK, filled, self.beneath, self.own),
            "blank_locale": BLANK,
            "languages": [pair for pair in self.languages if pair[0] not in filled.translations],
            "locked": _locked(lies) if lies else [],
        }
        return SafeString(render_to_string("console/fill.html", context))


class FillField(forms.Field):
    """Cleans to what was typed: whether it fits the base is for whoever checks the template."""

    widget = FillWidget

    def clean(self, value: Any) -> Filled:
        return value if isinstance(value, Filled) else Filled()


def _locked(lies: Beneath) -> list[tuple[str, str]]:
    """What nobody may change here, and who says so."""
    slots = [(each.label, each.locked_by) for each in lies.slots if each.locked_by]
    blocks = [(each.name.replace("_", " ").capitalize(), each.locked_by) for each in lies.blocks if each.locked_by]
    return slots + blocks
