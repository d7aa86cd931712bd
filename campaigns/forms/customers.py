"""The form of a customer: validated and written by ingest, like every other door."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.db import transaction

from campaigns import ingest
from campaigns.models import Customer

FIELDS = (
    "external_id", "email", "phone", "first_name", "last_name", "city", "country", "timezone", "locale",
    "consent_email", "consent_sms", "consent_push",
)  # fmt: skip


class CustomerForm(forms.ModelForm):  # type: ignore[type-arg]
    as_of: datetime  # set by the door, which reads the clock

    class Meta:
        model = Customer
        fields = FIELDS
        labels = {
            "external_id": "Customer number",
            "consent_email": "Agreed to e-mail",
            "consent_sms": "Agreed to SMS",
            "consent_push": "Agreed to push",
        }

    def row(self) -> dict[str, Any]:
        """What ingest is given."""
        given = {name: self.cleaned_data[name] for name in FIELDS if name in self.cleaned_data}
        return {"external_id": self.instance.external_id} | given

    def _post_clean(self) -> None:
        """Ingest judges the row; what it writes here is not kept."""
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        with transaction.atomic():
            result = ingest.upsert_customers([self.row()], now=self.as_of, source="console")[0]
            transaction.set_rollback(True)
        for problem in result.problems:
            self.add_error(problem.field if problem.field in self.fields else None, str(problem.message).capitalize())
