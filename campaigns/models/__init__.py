"""Stage 1 and 2's tables, one set in every retailer's schema."""

from campaigns.models.arrivals import Arrival
from campaigns.models.audience import Member, Segment
from campaigns.models.campaigns import Campaign, CampaignVersion, Review, Run
from campaigns.models.content import Brand, Template, TemplateVersion
from campaigns.models.customers import Customer, Event, Suppression
from campaigns.models.snapshots import ConfigSnapshot

__all__ = [
    "Arrival",
    "Brand",
    "Campaign",
    "CampaignVersion",
    "ConfigSnapshot",
    "Customer",
    "Event",
    "Member",
    "Review",
    "Run",
    "Segment",
    "Suppression",
    "Template",
    "TemplateVersion",
]
