"""Base templates: what retailers' templates are built on, and which version of one counts for whom.

Reads    BaseTemplate, BaseVersion, BasePin, Retailer
Promise  what counts is looked up once per batch, so it holds from every retailer's next batch on
"""

from __future__ import annotations

from campaigns.bases.standing import Frozen, Place, Standing, Unavailable, document, places, standing

__all__ = ["Frozen", "Place", "Standing", "Unavailable", "document", "places", "standing"]
