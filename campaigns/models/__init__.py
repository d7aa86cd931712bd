"""Stage 1 and 2's tables, one set in every retailer's schema."""

from campaigns.models.arrivals import Arrival
from campaigns.models.attributes import AttributeDefinition
from campaigns.models.audience import Member, Segment
from campaigns.models.campaigns import Campaign, CampaignVersion, Review, Run
from campaigns.models.content import Attachment, Brand, Edition, SeedList, Template, TemplateVersion
from campaigns.models.customers import Consent, Customer, CustomerPast, Event, Suppression
from campaigns.models.devices import Device
from campaigns.models.facts import Facts
from campaigns.models.imports import Import
from campaigns.models.products import Popularity, PopularityCount, Product, ProductPast
from campaigns.models.proofs import FactsProof
from campaigns.models.reached import Reached
from campaigns.models.results import Counting, LinkTally, Placement, Result, SegmentTally, Tally
from campaigns.models.snapshots import ConfigSnapshot

__all__ = [
    "Arrival",
    "Attachment",
    "AttributeDefinition",
    "Brand",
    "Campaign",
    "CampaignVersion",
    "ConfigSnapshot",
    "Consent",
    "Counting",
    "Customer",
    "CustomerPast",
    "Device",
    "Edition",
    "Event",
    "Facts",
    "FactsProof",
    "Import",
    "LinkTally",
    "Member",
    "Placement",
    "Popularity",
    "PopularityCount",
    "Product",
    "ProductPast",
    "Reached",
    "Result",
    "Review",
    "Run",
    "SeedList",
    "Segment",
    "SegmentTally",
    "Suppression",
    "Tally",
    "Template",
    "TemplateVersion",
]
