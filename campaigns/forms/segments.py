"""The form of a segment."""

from __future__ import annotations

import copy
from datetime import datetime

from django import forms
from django.db import transaction
from unfold.widgets import UnfoldAdminTextareaWidget

from campaigns import editing
from campaigns.config.gate import Invalid
from campaigns.forms.fields import KeyField
from campaigns.forms.rule_field import RuleField
from campaigns.models import Segment


class SegmentForm(forms.ModelForm):  # type: ignore[type-arg]
    as_of: datetime  # set by the door, which reads the clock

    key = KeyField()
    rule = RuleField(label="Who is in")

    class Meta:
        model = Segment
        fields = ["name", "key", "description", "rule"]
        widgets = {"description": UnfoldAdminTextareaWidget(attrs={"rows": 2})}

    def _post_clean(self) -> None:
        """A rule may lead to no segment, or back to this one: saving it, without keeping that, tells."""
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        try:
            with transaction.atomic():
                editing.save_segment(copy.copy(self.instance), now=self.as_of)
                transaction.set_rollback(True)
        except Invalid as invalid:
            self.add_error("rule", [problem.message.capitalize() for problem in invalid.problems])
