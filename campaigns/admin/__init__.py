"""Screens of stages 1 and 2 in a retailer's console, one file per subject.

A screen that shows a later stage (a campaign's launch, a template's preview, a customer's messages) lives with it,
in delivery.admin.
"""

from campaigns.admin import (
    attributes,
    audit,
    blueprints,
    brand,
    imports,
    platform,
    policy,
    products,
    seedlists,
    segments,
    suppressions,
)

__all__ = [
    "attributes",
    "audit",
    "blueprints",
    "brand",
    "imports",
    "platform",
    "policy",
    "products",
    "seedlists",
    "segments",
    "suppressions",
]
