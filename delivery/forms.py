"""The form of a provider: typed fields of its kind, credentials that go in and are never shown."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Union, get_args, get_origin

from django import forms
from django.db import transaction
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from campaigns.config.gate import Invalid
from delivery.channels.kinds import Kind
from delivery.models import Provider
from delivery.providers import accounts

SETTING, SECRET = "settings-", "credentials-"
_SPELT = {
    "Url": "URL",
    "Api": "API",
    "Sid": "SID",
    "Dkim": "DKIM",
    "Imap": "IMAP",
    "Arn": "ARN",
    "Id": "ID",
    "Vapid": "VAPID",
}
_LONG = {"dkim_private_key", "service_account", "vapid_private_key"}
_LIMITS = ("rate", "max_per_day", "per_domain", "timeout")


class ProviderForm(forms.ModelForm):  # type: ignore[type-arg]
    """`kind` and `channel` are set by whoever makes the class."""

    kind: Kind
    channel: str

    key = forms.CharField(
        max_length=40,
        help_text="Lower-case letters, digits and hyphens; the ledger calls the provider so. It stays.",
        widget=UnfoldAdminTextInputWidget(),
    )
    priority = forms.IntegerField(
        initial=100, help_text="The lowest goes first; the others stand by.", widget=UnfoldAdminIntegerFieldWidget()
    )
    is_active = forms.BooleanField(
        required=False, initial=True, label="Switched on", widget=UnfoldBooleanSwitchWidget()
    )
    rate = forms.FloatField(
        required=False,
        label="Messages a second",
        help_text="Over all workers; blank: no limit.",
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"}),
    )
    max_per_day = forms.IntegerField(
        required=False,
        label="Messages a day",
        help_text="Up to midnight of your time zone; then the next provider goes on. Blank: no limit.",
        widget=UnfoldAdminIntegerFieldWidget(),
    )
    per_domain = forms.CharField(
        required=False,
        label="Messages a minute to one domain",
        help_text="One per line, such as “gmail.com 600”; * stands for every other domain.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "placeholder": "gmail.com 600"}),
    )
    timeout = forms.FloatField(
        initial=15.0,
        label="Seconds for one request",
        help_text="1 to 18. Without an answer by then, a message is unknown.",
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"}),
    )

    class Meta:
        model = Provider
        fields = ["key", "priority", "is_active", "rate", "max_per_day", "timeout"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_new = not self.instance.pk
        if self.is_new:
            return
        self.fields["key"].disabled = True
        for name in ("rate", "timeout"):
            value = getattr(self.instance, name)
            self.initial[name] = value if value is None else f"{value:g}"
        self.initial["per_domain"] = "\n".join(f"{name} {most}" for name, most in self.instance.per_domain.items())
        for name, value in self.instance.settings.items():
            self.initial[SETTING + name] = value
        for name in accounts.which_are_set(self.instance):
            if SECRET + name in self.fields:
                self.fields[SECRET + name].widget.attrs["placeholder"] = "Set. Leave blank to keep it."
                self.fields[SECRET + name].required = False

    def clean_per_domain(self) -> dict[str, int]:
        found = {}
        for line in self.cleaned_data["per_domain"].splitlines():
            words = line.split()
            if not words:
                continue
            if len(words) != 2 or not words[1].isdecimal():
                raise forms.ValidationError(f"Write a domain and a number, such as “gmail.com 600”, not “{line[:60]}”.")
            found[words[0]] = int(words[1])
        return found

    @property
    def document(self) -> dict[str, Any]:
        """What the form says, as accounts.save takes it."""
        given = self.cleaned_data
        document = {name: given[name] for name in ("priority", "is_active", *_LIMITS)}
        document["settings"] = dict(self._settings())
        document["credentials"] = {
            name: given[SECRET + name] for name in self.kind.credentials.model_fields if given.get(SECRET + name)
        }
        if not self.is_new:
            return document
        return {**document, "key": given["key"], "channel": self.channel, "kind": self.kind.name}

    def _settings(self) -> Iterator[tuple[str, Any]]:
        """A field left blank is not said, but where its default is not blank: then that is not wanted."""
        for name, info in self.kind.settings.model_fields.items():
            value = self.cleaned_data.get(SETTING + name)
            if value not in ("", None) or (isinstance(info.default, str) and info.default):
                yield name, "" if value is None else value

    def _post_clean(self) -> None:
        """The module that owns providers judges; what it writes here is not kept."""
        if self.errors:
            return
        try:
            with transaction.atomic():
                accounts.save(self.document, None if self.is_new else self.instance)
                transaction.set_rollback(True)
        except Invalid as invalid:
            for problem in invalid.problems:
                self.add_error(self._place(problem.field), problem.message[:1].upper() + problem.message[1:])

    def _place(self, path: str) -> str | None:
        """The field that a problem is about; None for the form as a whole."""
        name, _, rest = path.partition(".")
        place = f"{name}-{rest.partition('.')[0]}" if name in ("settings", "credentials") else name
        return place if place in self.fields else None


def provider_form(kind: Kind, channel: str) -> type[ProviderForm]:
    """A form with the fields of a kind."""
    made: dict[str, Any] = {"kind": kind, "channel": channel, "__module__": __name__}
    made |= {SETTING + name: _field(name, info) for name, info in kind.settings.model_fields.items()}
    made |= {SECRET + name: _secret(name, info) for name, info in kind.credentials.model_fields.items()}
    return type("KindForm", (ProviderForm,), made)


def fieldsets(kind: Kind) -> list[tuple[str | None, dict[str, Any]]]:
    """The form's parts in their order, as the admin takes them."""
    settings, secrets = _names(SETTING, kind.settings), _names(SECRET, kind.credentials)
    second = tuple(name for name in settings if kind.second and name.startswith(SETTING + kind.second))
    account = tuple(name for name in settings if name not in second)
    sealed = "Sealed when saved, and never shown again."
    parts = (
        ("Account", account, ""),
        (kind.second_label, second, ""),
        ("Credentials", secrets, sealed),
        ("Limits", _LIMITS, ""),
    )
    told = [(title, {"fields": names, "description": about}) for title, names, about in parts if names]
    return [(None, {"fields": ("key", "is_active", "priority")}), *told]


def _names(prefix: str, model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(prefix + name for name in model.model_fields)


def _field(name: str, info: FieldInfo) -> forms.Field:
    said: dict[str, Any] = {
        "label": _label(name),
        "help_text": info.description or "",
        "required": info.is_required(),
    }
    if not info.is_required():
        said["initial"] = info.get_default(call_default_factory=True)
    annotation = _without_none(info.annotation)
    if get_origin(annotation) is Literal:
        choices = [(value, str(value)) for value in get_args(annotation)]
        return forms.ChoiceField(choices=choices, widget=UnfoldAdminSelectWidget(), **said)
    if annotation is bool:
        return forms.BooleanField(widget=UnfoldBooleanSwitchWidget(), **said)
    if annotation is int:
        return forms.IntegerField(widget=UnfoldAdminIntegerFieldWidget(), **said)
    if get_origin(annotation) is dict:
        return forms.JSONField(widget=UnfoldAdminTextareaWidget(attrs={"rows": 5}), **said)
    return forms.CharField(widget=UnfoldAdminTextInputWidget(), **said)


def _secret(name: str, info: FieldInfo) -> forms.Field:
    about: dict[str, Any] = {"label": _label(name), "help_text": info.description or "", "required": info.is_required()}
    off: Mapping[str, Any] = {"autocomplete": "new-password", "spellcheck": "false"}
    if name in _LONG:
        return forms.CharField(widget=_Unseen(attrs={"rows": 4, **off}), **about)
    return forms.CharField(widget=_Password(attrs=dict(off)), **about)


class _Unseen(UnfoldAdminTextareaWidget):
    """A long secret: what was entered is not shown again, not even after a mistake elsewhere."""

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        return super().get_context(name, "", attrs)


class _Password(UnfoldAdminTextInputWidget):
    input_type = "password"

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        return super().get_context(name, "", attrs)


def _label(name: str) -> str:
    words = name.replace("_", " ").capitalize().split()
    return " ".join(_SPELT.get(word.capitalize(), word) for word in words)


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, types.UnionType):
        return next(part for part in get_args(annotation) if part is not type(None))
    return annotation
