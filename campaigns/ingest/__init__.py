"""The one way customers, events and products enter, whoever brings them: the API, a file, the demo.

Reads    rows as plain dicts, Customer, AttributeDefinition
Writes   Customer, Consent, Event, Product (set by set, however many rows), Facts, Arrival where a campaign waits
Promise  the same rows again change nothing; a good row is never lost because of a bad one; facts hold at every commit
"""

from campaigns.ingest.customers import upsert_customers
from campaigns.ingest.events import add_events
from campaigns.ingest.products import upsert_products
from campaigns.ingest.results import Problem, RowResult, Status
from campaigns.ingest.statistics import analyze

__all__ = ["Problem", "RowResult", "Status", "add_events", "analyze", "upsert_customers", "upsert_products"]
