"""The platform's tables, all in the `public` schema."""

from tenants.models.agenda import AgendaItem, Lane
from tenants.models.retailers import Domain, Group, Retailer

__all__ = ["AgendaItem", "Domain", "Group", "Lane", "Retailer"]
