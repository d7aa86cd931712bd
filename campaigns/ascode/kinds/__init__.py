"""The kinds of documents there are, in the order in which they are saved; they are removed in the opposite one."""

from __future__ import annotations

from campaigns.ascode.documents import Configuration, Document, Kind
from campaigns.ascode.kinds.brand import BrandKind
from campaigns.ascode.kinds.campaigns import CampaignKind
from campaigns.ascode.kinds.layers import DefaultsKind, PolicyKind
from campaigns.ascode.kinds.segments import SegmentKind
from campaigns.ascode.kinds.templates import TemplateKind
from campaigns.config.gate import Invalid
from tenants import held

KINDS: tuple[Kind, ...] = (
    PolicyKind(),
    DefaultsKind(),
    BrandKind(),
    SegmentKind(),
    TemplateKind(),
    CampaignKind(),
)


def read(*, lock: bool = False) -> Configuration:
    """The retailer's whole configuration. With `lock`, nobody changes it before the transaction ends."""
    with held.held():
        return {
            kind.name: {key: _shaped(kind, document) for key, document in kind.rows(lock=lock).items()}
            for kind in KINDS
        }


def _shaped(kind: Kind, document: Document) -> Document:
    """A row that would be refused today is still told as it is: leaving it alone must stay possible."""
    try:
        return kind.shaped(document)
    except Invalid:
        return document
