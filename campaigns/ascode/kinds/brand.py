from __future__ import annotations

from datetime import datetime
from typing import Any

from campaigns import content, editing
from campaigns.ascode.documents import Configuration, Document
from campaigns.ascode.kinds import bounds
from campaigns.ascode.kinds.rows import RowKind, locked
from campaigns.config import policy as rules
from campaigns.config import voice as voices
from campaigns.config.gate import Problem
from campaigns.config.voice import Voice
from campaigns.models import Brand

_SILENT = Voice().model_dump()  # asks nothing


class BrandKind(RowKind):
    """The retailer's one brand. Shared configuration usually leaves it out, and every retailer keeps its own."""

    name = "brand"
    noun = "brand"
    single = True
    model = Brand
    fields = (
        "name", "from_name", "from_email", "reply_to", "website", "logo_url", "colour", "postal_address",
        *voices.FIELDS,
    )  # fmt: skip
    structured = voices.FIELDS

    def rows(self, *, lock: bool) -> dict[str, Document]:
        brand = content.brand()
        (row,) = locked(Brand.objects.filter(pk=brand.pk), lock)
        return {self.name: self.document(row)}

    def document(self, row: Any) -> Document:
        """Of the voice only what asks for something."""
        told = super().document(row)
        return {name: value for name, value in told.items() if name not in _SILENT or value != _SILENT[name]}

    def shaped(self, data: Document) -> Document:
        shaped = super().shaped(data)
        told = voices.read({name: shaped[name] for name in voices.FIELDS if name in shaped}).model_dump()
        kept = {name: value for name, value in told.items() if value != _SILENT[name]}
        return {name: kept.get(name, value) for name, value in shaped.items() if name not in _SILENT or name in kept}

    def problems(self, document: Document, target: Configuration, now: datetime) -> list[Problem]:
        found = self.column_problems(document)
        return found or rules.sender_breaches(document.get("from_email", ""), bounds.policy_of(target))

    def save(self, document: Document, *, now: datetime) -> None:
        editing.save_brand(self.filled(content.brand(), document))
