"""What became of a campaign since somebody looked: who changed its draft, and what differs between its versions.

Reads    AuditEntry, Campaign, CampaignVersion, and the layers below a draft
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from campaigns import resolution
from campaigns.config.gate import Invalid, Problem
from campaigns.differences import Difference, differences
from campaigns.models import Campaign
from tenants import audit

DRAFT, LIVE = "draft", "live"


@dataclass(frozen=True)
class Meanwhile:
    """What others changed: `by` names them, empty where nobody knows."""

    by: str
    changes: list[Difference]


def since(campaign: Campaign, number: int) -> Meanwhile:
    """What was changed of a draft since the one that has this number."""
    later = audit.since_draft("campaign", campaign.key, number)
    if not later or later[0].before is None:
        return Meanwhile("", [])
    by = ", ".join(dict.fromkeys(entry.actor for entry in later))
    return Meanwhile(by, differences(later[0].before, campaign.draft))


def compared(campaign: Campaign, one: str, other: str) -> list[Difference]:
    """Between two of a campaign's configurations as they run: each a version's number, `live` or `draft`.

    Raises Invalid.
    """
    return differences(_document(campaign, "from", one), _document(campaign, "to", other))


def _document(campaign: Campaign, side: str, name: str) -> dict[str, Any]:
    """The whole configuration; nothing for the live one of a campaign that was never published."""
    if name == DRAFT:
        return resolution.resolve(campaign.draft).document
    if name == LIVE:
        return campaign.live.config if campaign.live else {}
    if not re.fullmatch(r"[0-9]{1,9}", name, re.ASCII):
        cure = "give the number of a version, live or draft"
        raise Invalid([Problem(side, f"{name[:50]!r} names no version: {cure}", "unknown")])
    found = campaign.versions.filter(number=int(name)).values_list("config", flat=True).first()
    if found is None:
        latest = campaign.versions.count()
        known = f"it has 1 to {latest}" if latest else "it was never published"
        raise Invalid([Problem(side, f"{campaign.key!r} has no version {name}: {known}", "unknown")])
    return dict(found)
