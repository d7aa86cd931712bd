"""A form that notices when somebody else saved its row while it was open."""

from __future__ import annotations

from typing import Any

from django import forms

from campaigns.forms.fields import CHANGED_MEANWHILE


class ReadAtForm(forms.ModelForm):  # type: ignore[type-arg]
    """Of a row with `updated_at`; the page shows the field `read_at`, which nobody sees."""

    read_at = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["read_at"].initial = self.instance.updated_at.isoformat()

    def clean_read_at(self) -> str:
        """The second to save is told, instead of undoing the first one's work."""
        read_at: str = self.cleaned_data["read_at"]
        if self.instance.pk and read_at and read_at != self.instance.updated_at.isoformat():
            self.add_error(None, CHANGED_MEANWHILE)
        return read_at
