"""A policy as the fields of a form. Both consoles use it: the platform's for itself and its groups, a retailer's own.

`initial(document)` shows a stored policy, `PolicyForm.document()` is what the form says, and `tell` puts the gate's
problems to the fields they are about. A field left blank bounds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from campaigns.config.attached import MOST_BYTES, FileType
from campaigns.config.gate import Problem
from campaigns.config.policy import Counted, Feature, Needed, Policy
from campaigns.config.rules import ChannelName
from campaigns.linting import RULES
from campaigns.models.customers import Channel

_GUARDS = ("most_bounces", "most_complaints", "most_unsubscribes", "most_errors")
_SHARES = ("min_holdout", "universal_holdout", *_GUARDS)  # kept as shares, written in percent
_LISTS = ("bases", "sender_domains")  # of which an empty one allows nothing
_FIELD = {"checks": "checks_blocking", "attachments": "attachment_types"}  # of the form, where it is called otherwise
YES, NO = "yes", "no"
NONE = "none"  # written where a list allows nothing at all
_FOOTER = {
    "unsubscribe_url": "A link to unsubscribe",
    "preferences_url": "A link to preferences",
    "brand.postal_address": "The postal address",
    "brand.name": "The brand's name",
}
_COUNTED = {"opens": "Opens", "clicks": "Clicks"}
_FEATURES = {
    "conditions": "Conditions: {% if %}",
    "loops": "Loops: {% for %}",
    "assignments": "Assignments: {% set %}",
    "attributes": "Customers' own attributes",
}
_CHANNELS = dict(Channel.choices)
_CHECKS = [(name, rule.about[:1].upper() + rule.about[1:]) for name, rule in RULES.items()]
_LIGHT = [(name, about) for name, about in _CHECKS if RULES[name].severity == "hint"]
_CAP = re.compile(r"(\d{1,9})\s*(?:messages?)?\s*(?:in|per|/)\s*(\S+)", re.IGNORECASE)
_WINDOW = re.compile("([0-9]{1,2}:[0-9]{2})\\s*(?:to|-|\u2013)\\s*([0-9]{1,2}:[0-9]{2})")  # people paste dashes


def _limit(label: str, about: str) -> forms.FloatField:
    look = UnfoldAdminIntegerFieldWidget(attrs={"step": "any", "min": 0, "max": 100})
    return forms.FloatField(required=False, label=label, help_text=about, widget=look)


class PolicyForm(forms.Form):
    """Bounds for every campaign below."""

    channels = forms.MultipleChoiceField(
        required=False,
        label="Channels allowed",
        choices=[(name, _CHANNELS.get(name, name.title())) for name in get_args(ChannelName)],
        help_text="None ticked: all are.",
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )
    per_customer = forms.CharField(
        required=False,
        label="Most messages to one customer",
        help_text="Over all channels and campaigns; one limit per line, such as “3 in 7d” (m, h, d or w).",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2, "placeholder": "3 in 7d"}),
    )
    quiet_hours = forms.CharField(
        required=False,
        label="Quiet hours",
        help_text="In the retailer's time zone, such as “21:00 to 08:00”; several with commas.",
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "21:00 to 08:00"}),
    )
    max_per_day = forms.IntegerField(
        required=False,
        label="Most messages a day",
        help_text="Of one retailer, over all campaigns.",
        widget=UnfoldAdminIntegerFieldWidget(),
    )
    min_holdout = forms.FloatField(
        required=False,
        label="Least share held back (%)",
        help_text="Each campaign's holdout, to measure what it does.",
        widget=UnfoldAdminIntegerFieldWidget(attrs={"step": "any", "min": 0, "max": 90}),
    )
    universal_holdout = forms.FloatField(
        required=False,
        label="Share held out of all campaigns (%)",
        help_text="The same people every time, to measure all campaigns together.",
        widget=UnfoldAdminIntegerFieldWidget(attrs={"step": "any", "min": 0, "max": 50}),
    )
    max_discount = forms.FloatField(
        required=False,
        label="Deepest discount (%)",
        help_text="Of “discount” in a message's content.",
        widget=UnfoldAdminIntegerFieldWidget(attrs={"step": "any", "min": 0, "max": 100}),
    )
    most_bounces = _limit("Most bounces (%)", "A run that comes to more is paused by itself. Blank: 10.")
    most_complaints = _limit("Most complaints (%)", "The same. Mailbox providers act from 0.3 on. Blank: 0.2.")
    most_unsubscribes = _limit("Most who unsubscribe (%)", "The same. Blank: 3.")
    most_errors = _limit("Most errors (%)", "Messages that cannot be made, or are refused. The same. Blank: 25.")
    sender_domains = forms.CharField(
        required=False,
        label="Mail may come from",
        help_text="Domains, one per line; those below them are included. Blank: from anywhere.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2, "placeholder": "example.com", "spellcheck": "false"}),
    )
    bases = forms.CharField(
        required=False,
        label="E-mails are built on",
        help_text="Keys of base templates, one per line. Blank: on any, or on none.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2, "placeholder": "standard", "spellcheck": "false"}),
    )
    footer = forms.MultipleChoiceField(
        required=False,
        label="Every message has",
        choices=[(name, _FOOTER.get(name, name)) for name in get_args(Needed)],
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )
    untracked = forms.MultipleChoiceField(
        required=False,
        label="Not counted in any message",
        choices=[(name, _COUNTED.get(name, name)) for name in get_args(Counted)],
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )
    transactional = forms.ChoiceField(
        required=False,
        label="Transactional campaigns",
        choices=[("", "None, unless the platform lets them"), (YES, "Let them"), (NO, "None")],
        help_text="What answers a customer, such as an order's confirmation. It goes ahead of promotions, and is sent "
        "once more where nobody knows whether it went out.",
        widget=UnfoldAdminSelectWidget(),
    )
    limits_features = forms.BooleanField(
        required=False,
        label="Limit what templates may use to what is ticked below",
        widget=UnfoldBooleanWidget(),
    )
    template_features = forms.MultipleChoiceField(
        required=False,
        label="Templates may use",
        choices=[(name, _FEATURES.get(name, name)) for name in get_args(Feature)],
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )
    attachment_types = forms.MultipleChoiceField(
        required=False,
        label="Files that may go along with e-mails",
        choices=[(name, name.upper()) for name in get_args(FileType)],
        help_text="None ticked: none may, unless the platform lets them.",
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )
    attachment_kb = forms.IntegerField(
        required=False,
        label="Most KB of files in one e-mail",
        min_value=1,
        max_value=MOST_BYTES // 1024,
        help_text=f"Of all of them together; {MOST_BYTES // 1024} at most. Blank: 500.",
        widget=UnfoldAdminIntegerFieldWidget(),
    )
    sender_dns = forms.BooleanField(
        required=False,
        label="SPF, DKIM and DMARC of a sender's domain must be right before a launch",
        help_text="Otherwise a launch is only warned of what they lack.",
        widget=UnfoldBooleanWidget(),
    )
    approval = forms.BooleanField(
        required=False,
        label="An approver must agree before a campaign is published",
        widget=UnfoldBooleanWidget(),
    )
    checks_blocking = forms.MultipleChoiceField(
        required=False,
        label="Before launch, must be right",
        choices=_CHECKS,
        help_text="A campaign with one of these faults is not published. The first three hold in any case.",
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )
    checks_warned = forms.MultipleChoiceField(
        required=False,
        label="Before launch, is warned of",
        choices=_LIGHT,
        help_text="What is only hinted at otherwise.",
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )
    checks_off = forms.MultipleChoiceField(
        required=False,
        label="Before launch, is not looked at",
        choices=_CHECKS,
        help_text="Unless a group or a retailer asks for it.",
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )

    def __init__(self, *args: Any, is_platform: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not is_platform:
            del self.fields["checks_off"]

    def clean_per_customer(self) -> list[dict[str, Any]]:
        return [limit(line) for line in _parts(self.cleaned_data["per_customer"])]

    def clean_quiet_hours(self) -> list[list[str]]:
        return [window(part) for part in _parts(self.cleaned_data["quiet_hours"])]

    def clean_sender_domains(self) -> list[str] | None:
        named = [part.lower() for part in _parts(self.cleaned_data["sender_domains"], r"[\s,;]+")]
        return [] if named == [NONE] else named or None

    def clean_bases(self) -> list[str] | None:
        named = _parts(self.cleaned_data["bases"], r"[\s,;]+")
        return [] if named == [NONE] else named or None

    def document(self) -> dict[str, Any]:
        """The policy that a valid form asks for, as written: what bounds nothing is left out."""
        given = {name: value for name, value in self.cleaned_data.items() if name in Policy.model_fields}
        said = {
            name: value for name, value in given.items() if value is not None and value is not False and value != []
        }
        said |= {name: [] for name in _LISTS if given[name] == []}
        if self.cleaned_data["limits_features"]:
            said["template_features"] = given["template_features"]
        said.pop("transactional", None)
        if lane := given["transactional"]:
            said["transactional"] = lane == YES
        for name in _SHARES:
            if share := said.pop(name, 0):
                said[name] = round(share / 100, 6)
        if checks := self._checks():
            said["checks"] = checks
        if files := self._files():
            said["attachments"] = files
        return said

    def _files(self) -> dict[str, Any]:
        if not (types := self.cleaned_data["attachment_types"]):
            return {}
        size = self.cleaned_data["attachment_kb"]
        return {"types": types} | ({"most_bytes": size * 1024} if size else {})

    def _checks(self) -> dict[str, str]:
        warned = dict.fromkeys(self.cleaned_data["checks_warned"], "warning")
        return warned | dict.fromkeys(self.cleaned_data["checks_blocking"], "error")


def initial(document: Mapping[str, Any]) -> dict[str, Any]:
    """What PolicyForm shows of a stored policy."""
    features = document.get("template_features")
    return {
        "channels": document.get("channels") or [],
        "per_customer": "\n".join(f"{cap['messages']} in {cap['per']}" for cap in document.get("per_customer", [])),
        "quiet_hours": ", ".join(f"{first} to {last}" for first, last in document.get("quiet_hours", [])),
        "max_per_day": document.get("max_per_day"),
        **{name: _percent(document.get(name)) for name in _SHARES},
        "max_discount": _number(document.get("max_discount")),
        **{name: NONE if document.get(name) == [] else "\n".join(document.get(name) or []) for name in _LISTS},
        "footer": document.get("footer", []),
        "untracked": document.get("untracked", []),
        "transactional": "" if document.get("transactional") is None else YES if document["transactional"] else NO,
        "limits_features": features is not None,
        "template_features": features or [],
        "attachment_types": (document.get("attachments") or {}).get("types", []),
        "attachment_kb": _kilobytes((document.get("attachments") or {}).get("most_bytes")),
        "sender_dns": document.get("sender_dns", False),
        "approval": document.get("approval", False),
        "checks_blocking": [name for name, weight in document.get("checks", {}).items() if weight == "error"],
        "checks_warned": [name for name, weight in document.get("checks", {}).items() if weight == "warning"],
        "checks_off": document.get("checks_off") or [],
    }


def tell(form: forms.Form, problems: Iterable[Problem], *, place: Callable[[str], str] = lambda field: field) -> None:
    """Put the gate's problems to the form's fields; `place` names the field for a path of the document."""
    for problem in problems:
        name = _FIELD.get(place(problem.field).split(".")[0], place(problem.field).split(".")[0])
        known = name in form.fields
        words = problem.message[:1].upper() + problem.message[1:]
        form.add_error(name if known else None, words if known or not problem.field else f"{problem.field}: {words}")


def _parts(text: str, pattern: str = r"[\n,;]+") -> list[str]:
    return [part.strip() for part in re.split(pattern, text) if part.strip()]


def limit(line: str) -> dict[str, Any]:
    """`3 in 7d` as the gate wants it. Raises ValidationError."""
    match = _CAP.fullmatch(line)
    if not match:
        raise forms.ValidationError(f"Write a limit as “3 in 7d”: “{line}” is none.")
    return {"messages": int(match[1]), "per": match[2]}


def window(part: str) -> list[str]:
    """`21:00 to 08:00` as the gate wants it. Raises ValidationError."""
    match = _WINDOW.fullmatch(part)
    if not match:
        raise forms.ValidationError(f"Write quiet hours as “21:00 to 08:00”: “{part}” is none.")
    return [match[1].zfill(5), match[2].zfill(5)]


def _kilobytes(size: int | None) -> int | None:
    return None if size is None else -(-size // 1024)


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:g}"


def _percent(share: float | None) -> float | None:
    return None if not share else round(share * 100, 6)
