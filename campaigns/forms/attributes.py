"""The form of a declared attribute: its name and type are chosen once."""

from __future__ import annotations

from django import forms
from django.db import transaction
from unfold.widgets import UnfoldAdminTextareaWidget

from campaigns import attributes
from campaigns.config.gate import Invalid
from campaigns.models import AttributeDefinition


class AttributeForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = AttributeDefinition
        fields = ["name", "type", "description"]
        widgets = {"description": UnfoldAdminTextareaWidget(attrs={"rows": 2})}
        help_texts = {
            "name": "As customers' rows call it. It stays for good, and so does the type.",
            "type": "Values of another type are refused from then on; the builder offers what fits the type.",
            "description": "What it means, for colleagues who build segments.",
        }

    def _post_clean(self) -> None:
        """The module that owns attributes judges; what it writes here is not kept."""
        super()._post_clean()  # type: ignore[misc]
        if self.errors or self.instance.pk:
            return
        try:
            with transaction.atomic():
                attributes.declare(self.instance.name, type=self.instance.type, description=self.instance.description)
                transaction.set_rollback(True)
        except Invalid as invalid:
            for problem in invalid.problems:
                field = problem.field if problem.field in self.fields else None
                self.add_error(field, problem.message[:1].upper() + problem.message[1:])
