"""The platform's tables, all in the `public` schema."""

from tenants.models.agenda import AgendaItem, Lane, Worker
from tenants.models.bases import BasePin, BaseTemplate, BaseVersion, SourceFormat
from tenants.models.changes import Change, Sighting
from tenants.models.layers import Layer
from tenants.models.retailers import Domain, Group, Retailer
from tenants.models.stops import Stop
from tenants.models.suppressions import PlatformSuppression
from tenants.models.vitals import Vitals

__all__ = [
    "AgendaItem",
    "BasePin",
    "BaseTemplate",
    "BaseVersion",
    "Change",
    "Domain",
    "Group",
    "Lane",
    "Layer",
    "PlatformSuppression",
    "Retailer",
    "Sighting",
    "SourceFormat",
    "Stop",
    "Vitals",
    "Worker",
]
