"""Base templates: what retailers' templates are built on, and which version of one counts for whom.

Reads    BaseTemplate, BaseVersion, BasePin, Retailer; Template of every retailer, where an impact is asked for
Writes   BaseTemplate, BaseVersion, BasePin
Promise  a version never changes but for being killed; what counts is looked up once per batch, so a publish, a way
         back, a pin or a kill holds from every retailer's next batch on, and nothing is copied to anyone
"""

from __future__ import annotations

from campaigns.bases.drafts import (
    ChangedMeanwhile,
    blank,
    check,
    document_of,
    find,
    is_layer,
    listed,
    name,
    parse,
    save,
)
from campaigns.bases.impact import Impact, built_on, impact
from campaigns.bases.releases import NotAllowed, kill, pin, promote, publish, roll_back, unpin, version
from campaigns.bases.standing import Standing, Unavailable, document, standing, standings

__all__ = [
    "ChangedMeanwhile",
    "Impact",
    "NotAllowed",
    "Standing",
    "Unavailable",
    "blank",
    "built_on",
    "check",
    "document",
    "document_of",
    "find",
    "impact",
    "is_layer",
    "kill",
    "listed",
    "name",
    "parse",
    "pin",
    "promote",
    "publish",
    "roll_back",
    "save",
    "standing",
    "standings",
    "unpin",
    "version",
]
