"""The form of a push notification."""

from __future__ import annotations

from typing import Any

from django import forms

from campaigns.config.gate import Problem
from campaigns.forms.channelled.base import ChannelForm, line, lines
from campaigns.models import Template

_PARTS = ("image", "link", "collapse_id")


class PushForm(ChannelForm):
    channel = "push"
    shown = ("subject", "text", "link", "image", ("collapse_id", "app_data"))
    places = {f"payload.{name}": name for name in _PARTS} | {"payload.data": "app_data"}
    subject = forms.CharField(
        label="Title",
        widget=line(),
        help_text="About 40 characters are seen on a locked screen. A variant may say its own.",
    )
    text = forms.CharField(label="Body", widget=lines(3), help_text="About 120 characters are seen.", strip=False)
    link = forms.CharField(
        required=False,
        label="Opens",
        widget=line(placeholder="https://  or your app's own, such as shop://basket", spellcheck="false"),
    )
    image = forms.CharField(required=False, widget=line(placeholder="https://", spellcheck="false"))
    collapse_id = forms.CharField(
        required=False,
        label="Replaces earlier ones named",
        widget=line(spellcheck="false"),
        help_text="Of those that share this name, a phone shows the last.",
    )
    app_data = forms.CharField(
        required=False,
        label="Data for the app",
        widget=lines(3, placeholder="sku: {{ content.sku }}", spellcheck="false"),
        help_text="A name, a colon and a value on each line.",
        strip=False,
    )

    def told(self, template: Template) -> dict[str, Any]:
        data = template.payload.get("data", {})
        return {
            "subject": template.subject,
            "text": template.text,
            "app_data": "\n".join(f"{name}: {value}" for name, value in data.items()),
        } | {name: template.payload.get(name, "") for name in _PARTS}

    def read_into(self, template: Template) -> list[Problem]:
        template.subject, template.text = self.said("subject").strip(), self.said("text")
        payload: dict[str, Any] = {name: said for name in _PARTS if (said := self.said(name).strip())}
        if data := _pairs(self.said("app_data")):
            payload["data"] = data
        template.payload = payload
        return []


def _pairs(written: str) -> dict[str, str]:
    """`name: value` on each line."""
    found = [each.partition(":") for each in written.splitlines() if each.strip()]
    return {name.strip(): value.strip() for name, _, value in found}
