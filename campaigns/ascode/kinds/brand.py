from __future__ import annotations

from datetime import datetime
from typing import Any

from campaigns import content, editing
from campaigns.ascode.documents import Configuration, Document
from campaigns.ascode.kinds import bounds
from campaigns.ascode.kinds.kept import in_order
from campaigns.ascode.kinds.rows import RowKind, locked
from campaigns.config import bans
from campaigns.config import voice as voices
from campaigns.config.gate import Invalid, Problem, dump, parse
from campaigns.config.texting import TEXTING
from campaigns.config.voice import Voice
from campaigns.models import Brand

_SILENT = Voice().model_dump()  # asks nothing
TEXTS = "texting"


class BrandKind(RowKind):
    """The retailer's one brand. Shared configuration usually leaves it out, and every retailer keeps its own."""

    name = "brand"
    noun = "brand"
    single = True
    model = Brand
    fields = (
        "name", "from_name", "from_email", "reply_to", "website", "logo_url", "colour", "postal_address", "currency",
        *voices.FIELDS, TEXTS,
    )  # fmt: skip
    structured = (*voices.FIELDS, TEXTS)

    def rows(self, *, lock: bool) -> dict[str, Document]:
        brand = content.brand()
        (row,) = locked(Brand.objects.filter(pk=brand.pk), lock)
        return {self.name: self.document(row)}

    def document(self, row: Any) -> Document:
        """Of the voice only what asks for something, and of SMS only what is said."""
        told = super().document(row)
        if not told[TEXTS]:
            del told[TEXTS]
        return {name: value for name, value in told.items() if name not in _SILENT or value != _SILENT[name]}

    def shaped(self, data: Document) -> Document:
        shaped = super().shaped(data)
        if TEXTS in shaped:
            shaped[TEXTS] = _texts(shaped[TEXTS])
        told = voices.read({name: shaped[name] for name in voices.FIELDS if name in shaped}).model_dump()
        kept = {name: value for name, value in told.items() if value != _SILENT[name]}
        return {name: kept.get(name, value) for name, value in shaped.items() if name not in _SILENT or name in kept}

    def problems(self, document: Document, target: Configuration, now: datetime) -> list[Problem]:
        found = self.column_problems(document)
        return found or bans.of_sender(document.get("from_email", ""), bounds.policy_of(target))

    def save(self, document: Document, *, now: datetime) -> None:
        editing.save_brand(self.filled(content.brand(), document))


def _texts(said: Any) -> Any:
    """Prices and opt-out of SMS, in the order and spelling in which they are kept."""
    try:
        return in_order(dump(parse(TEXTING, said)))
    except Invalid as invalid:
        raise Invalid(editing.within(TEXTS, invalid.problems)) from None
