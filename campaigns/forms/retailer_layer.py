"""A retailer's own layer as fields: its defaults, with the segment that every campaign leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget

from campaigns.forms import defaults, drafts
from campaigns.forms.defaults import DefaultsForm
from campaigns.models import Segment


class RetailerDefaultsForm(DefaultsForm):
    """`before` are the defaults as they are stored: what the fields cannot show stays as it is."""

    exclude = forms.ChoiceField(
        required=False,
        label="Leave out",
        help_text="People that no campaign writes to unless it says otherwise, such as staff.",
        widget=UnfoldAdminSelectWidget(),
    )

    def __init__(self, data: Any, *, before: Mapping[str, Any]) -> None:
        self.before = before
        rule = before.get("audience", {}).get("exclude")
        chosen = drafts.choice_of(rule) if rule else ""
        shown = defaults.initial(before)
        holdout = "" if shown["holdout"] is None else f"{shown['holdout']:g}"
        super().__init__(data, initial=shown | {"holdout": holdout, "exclude": chosen})
        kept = [(drafts.KEPT, drafts.rule_words(rule))] if chosen == drafts.KEPT else []
        segments = list(Segment.objects.order_by("name").values_list("key", "name"))
        gone = [(chosen, f"{chosen} (missing)")] if chosen not in ("", drafts.KEPT, *dict(segments)) else []
        self.fields["exclude"].choices = [("", "Nobody"), *kept, *gone, *segments]  # type: ignore[attr-defined]

    def said(self) -> dict[str, Any]:
        """The defaults that a valid form asks for."""
        before, choice = self.before, self.cleaned_data["exclude"]
        if choice != drafts.KEPT:
            rule = {"segment": choice} if choice else None
            before = {**before, "audience": {**before.get("audience", {}), "exclude": rule}}
        return self.document(before)
