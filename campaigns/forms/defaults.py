"""Defaults as the fields of a form: what campaigns get that leave it out. Both consoles use it.

The rule of whom to leave out is kept as it is and told in words: it is edited by file or API.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

from django import forms
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from campaigns.config.campaign import Timing
from campaigns.forms import counting
from campaigns.forms.fields import HostsField, PairsField
from campaigns.forms.policy import limit, window

_MODES = {
    "now": "as soon as it is ready",
    "fixed": "at one fixed time",
    "recipient": "at a time of each customer's own day",
    "best_hour": "at each customer's best hour",
}
_COUNTED = [("", "not said here"), *counting.COUNTED]


class DefaultsForm(forms.Form):
    """What campaigns get that do not say it themselves. A field left blank says nothing."""

    prefix = "default"

    holdout = forms.FloatField(
        required=False,
        label="Held back (%)",
        help_text="The share of each audience that gets nothing, to measure what a campaign does.",
        widget=UnfoldAdminIntegerFieldWidget(attrs={"step": "any", "min": 0, "max": 100}),
    )
    topic = forms.CharField(
        required=False,
        max_length=63,
        help_text="What people consent to, such as promotions.",
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "promotions"}),
    )
    per_customer = forms.CharField(
        required=False,
        label="Most messages to one customer",
        help_text="Such as “3 in 7d” (m, h, d or w).",
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "3 in 7d"}),
    )
    mode = forms.ChoiceField(
        required=False,
        label="Send",
        choices=[
            ("", "not said here"),
            *((mode, _MODES[mode]) for mode in get_args(Timing.model_fields["mode"].annotation)),
        ],
        widget=UnfoldAdminSelectWidget(),
    )
    window = forms.CharField(
        required=False,
        label="Send between",
        help_text="Such as “09:00 to 20:00”.",
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "09:00 to 20:00"}),
    )
    expire_after = forms.CharField(
        required=False,
        label="Expires after",
        help_text="A message that could not go out in this time is dropped: 24h, 3d.",
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "24h"}),
    )
    goal_event = forms.CharField(
        required=False,
        label="Goal",
        help_text="The event that a campaign is for, such as order.",
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "order"}),
    )
    goal_within = forms.CharField(
        required=False,
        label="Goal reached within",
        help_text="Such as 7d.",
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "7d"}),
    )

    opens = forms.ChoiceField(
        required=False, choices=_COUNTED, help_text=counting.OPENS, widget=UnfoldAdminSelectWidget()
    )
    clicks = forms.ChoiceField(
        required=False, choices=_COUNTED, help_text=counting.CLICKS, widget=UnfoldAdminSelectWidget()
    )
    utm = PairsField(label="Added to links")
    utm_domains = HostsField(label="Also to links of")

    def clean_per_customer(self) -> dict[str, Any] | None:
        return limit(self.cleaned_data["per_customer"].strip()) if self.cleaned_data["per_customer"].strip() else None

    def clean_window(self) -> list[str] | None:
        return window(self.cleaned_data["window"].strip()) if self.cleaned_data["window"].strip() else None

    def document(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """The defaults that a valid form asks for; what it does not show stays as `before` has it."""
        given = self.cleaned_data
        holdout = None if given["holdout"] is None else round(given["holdout"] / 100, 6)
        values = {
            "goal.event": given["goal_event"],
            "goal.within": given["goal_within"],
            "audience.exclude": before.get("audience", {}).get("exclude"),
            "audience.holdout": holdout,
            "timing.mode": given["mode"],
            "timing.window": given["window"],
            "timing.expire_after": given["expire_after"],
            "limits.per_customer": given["per_customer"],
            "topic": given["topic"],
        } | {f"tracking.{name}": said for name, said in counting.compose(given).items()}
        return _nested({path: value for path, value in values.items() if value not in (None, "")})


# The form's field for each path of the document.
PLACES = {
    "audience.holdout": "holdout",
    "timing.mode": "mode",
    "timing.window": "window",
    "timing.expire_after": "expire_after",
    "limits": "per_customer",
    "topic": "topic",
    "goal.within": "goal_within",
    "goal": "goal_event",
    "tracking.clicks": "clicks",
    "tracking.utm_domains": "utm_domains",
    "tracking.utm": "utm",
    "tracking": "opens",
}


def initial(document: Mapping[str, Any]) -> dict[str, Any]:
    """What DefaultsForm shows of stored defaults."""
    audience, timing, goal = (document.get(name, {}) for name in ("audience", "timing", "goal"))
    cap, holdout = document.get("limits", {}).get("per_customer"), audience.get("holdout")
    return {
        "holdout": None if holdout is None else round(holdout * 100, 6),
        "topic": document.get("topic", ""),
        "per_customer": f"{cap['messages']} in {cap['per']}" if cap else "",
        "mode": timing.get("mode", ""),
        "window": " to ".join(timing.get("window") or []),
        "expire_after": timing.get("expire_after", ""),
        "goal_event": goal.get("event", ""),
        "goal_within": goal.get("within", ""),
    } | counting.values(document.get("tracking", {}))


def place(field: str) -> str:
    """The form's field that the document's field `field` is shown at; the field itself where there is none."""
    return next((name for path, name in PLACES.items() if re.match(rf"{re.escape(path)}(\.|$)", field)), field)


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for path, value in values.items():
        section, _, part = path.partition(".")
        if part:
            document.setdefault(section, {})[part] = value
        else:
            document[section] = value
    return document
