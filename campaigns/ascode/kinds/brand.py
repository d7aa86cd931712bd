from __future__ import annotations

from datetime import datetime

from campaigns import content, editing
from campaigns.ascode.documents import Configuration, Document
from campaigns.ascode.kinds import bounds
from campaigns.ascode.kinds.rows import RowKind, locked
from campaigns.config import policy as rules
from campaigns.config.gate import Problem
from campaigns.models import Brand


class BrandKind(RowKind):
    """The retailer's one brand. Shared configuration usually leaves it out, and every retailer keeps its own."""

    name = "brand"
    noun = "brand"
    single = True
    model = Brand
    fields = ("name", "from_name", "from_email", "reply_to", "website", "logo_url", "colour", "postal_address")

    def rows(self, *, lock: bool) -> dict[str, Document]:
        brand = content.brand()
        (row,) = locked(Brand.objects.filter(pk=brand.pk), lock)
        return {self.name: self.document(row)}

    def problems(self, document: Document, target: Configuration, now: datetime) -> list[Problem]:
        found = self.column_problems(document)
        return found or rules.sender_breaches(document.get("from_email", ""), bounds.policy_of(target))

    def save(self, document: Document, *, now: datetime) -> None:
        editing.save_brand(self.filled(content.brand(), document))
