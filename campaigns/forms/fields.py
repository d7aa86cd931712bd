"""Fields that several forms share."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

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
