"""The form of an SMS: its text, counted as it is written."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import UnfoldBooleanSwitchWidget

from campaigns import channelled, sms
from campaigns.config.gate import Problem
from campaigns.forms.channelled.base import ChannelForm, lines
from campaigns.models import Template

_COUNTED = 16_000  # characters: no text message is that long, and what is not closed is looked for to the end


class SmsForm(ChannelForm):
    channel = "sms"
    shown = ("text", "smart_encoding")
    places = {"payload.smart_encoding": "smart_encoding"}
    text = forms.CharField(
        widget=lines(6, **{"data-sms": ""}),
        strip=False,
        help_text="How to opt out is added below it, in the words of the customer's country, unless the text says so.",
    )
    smart_encoding = forms.BooleanField(
        label="Plain punctuation",
        required=False,
        widget=UnfoldBooleanSwitchWidget(),
        help_text="Send curly quotes, dashes and dots as plain ones, where that fits more into each part.",
    )

    def told(self, template: Template) -> dict[str, Any]:
        return {"text": template.text, "smart_encoding": template.payload.get("smart_encoding", False)}

    def read_into(self, template: Template) -> list[Problem]:
        template.text = self.said("text")
        template.payload = {"smart_encoding": True} if self.said("smart_encoding") else {}
        return []


def counted(template: Template) -> dict[str, Any]:
    """What the form's counter tells of the text that is the same for everybody: the characters outside the 7-bit
    alphabet, each once, with what could be written instead.
    """
    fixed = channelled.fixed_text(template.text[:_COUNTED])
    measured = sms.measure(sms.smart(fixed) if template.payload.get("smart_encoding") else fixed)
    foreign = {each.char: each.instead for each in measured.first_non_gsm}
    return {
        "encoding": measured.encoding,
        "foreign": [{"char": char, "instead": instead, "shown": _shown(char)} for char, instead in foreign.items()],
    }


def _shown(char: str) -> str:
    """The character for people to see; a name for what cannot be seen."""
    return char if char.isprintable() and not char.isspace() else f"U+{ord(char):04X}"
