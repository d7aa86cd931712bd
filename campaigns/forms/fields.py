"""Fields that several forms share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from campaigns.forms import counting

KEY_PATTERN = r"[a-z0-9][a-z0-9_-]{0,62}"
KEY_CURE = "Small letters, digits, hyphens: the name that campaigns, files and the API use. It stays for good."

CHANGED_MEANWHILE = (
    "Somebody else saved this meanwhile, so nothing of yours was saved: copy your change, open the page again, "
    "and repeat it."
)


class KeyField(forms.RegexField):
    """A key of the configuration contract."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            regex=rf"^{KEY_PATTERN}\Z",
            max_length=63,
            help_text=KEY_CURE,
            widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
            error_messages={"invalid": "Begin with a letter or digit; then small letters, digits, - and _ only."},
            **kwargs,
        )


class PairsField(forms.CharField):
    """What is added to links, one `name=value` a line."""

    def __init__(self, **kwargs: Any) -> None:
        attrs = {"rows": 2, "placeholder": counting.EXAMPLE, "spellcheck": "false"}
        super().__init__(
            required=False, help_text=counting.PAIRS, widget=UnfoldAdminTextareaWidget(attrs=attrs), **kwargs
        )

    def validate(self, value: str) -> None:
        try:
            counting.pairs(value)
        except ValueError as problem:
            raise forms.ValidationError(str(problem)) from None


class HostsField(forms.CharField):
    """Host names with commas between."""

    def __init__(self, **kwargs: Any) -> None:
        attrs = {"placeholder": "partner.example", "spellcheck": "false"}
        super().__init__(
            required=False, help_text=counting.HOSTS, widget=UnfoldAdminTextInputWidget(attrs=attrs), **kwargs
        )


class SuggestingInput(UnfoldAdminTextInputWidget):
    """A line of text with values to choose from; `offer` is asked for them when it is drawn, not before."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.offer: Callable[[], list[str]] = list

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        listed = f"{name}-offered"
        drawn = super().render(name, value, {**(attrs or {}), "list": listed, "autocomplete": "off"}, renderer)
        options = format_html_join("", '<option value="{}"></option>', ((each,) for each in self.offer()))
        return format_html('{}<datalist id="{}">{}</datalist>', drawn, listed, options)
