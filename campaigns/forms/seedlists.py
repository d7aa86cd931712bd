from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextInputWidget

from campaigns import seedlists
from campaigns.config.gate import Invalid
from campaigns.forms.brand import Lines
from campaigns.forms.fields import KeyField
from campaigns.models import SeedList


class SeedListForm(forms.ModelForm):  # type: ignore[type-arg]
    name = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget())
    key = KeyField()
    addresses = Lines(
        placeholder="ana@example.com\nmailbox.at.provider@example.com",
        help_text=f"One per line, at most {seedlists.MOST}. Nothing but tests goes to them.",
    )

    class Meta:
        model = SeedList
        fields: list[str] = []  # the screen names them

    def clean_addresses(self) -> list[Any]:
        try:
            return list(seedlists.read(self.cleaned_data["addresses"]))
        except Invalid as invalid:
            told = [problem.message for problem in invalid.problems]
            raise ValidationError([f"{words[:1].upper()}{words[1:]}." for words in told]) from None
