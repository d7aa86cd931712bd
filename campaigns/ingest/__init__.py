"""The one way customers and events enter, whoever brings them: the API, a file, the demo.

Reads    rows as plain dicts, Customer
Writes   Customer, Event (one statement per call), Arrival where a campaign waits for an event
Promise  the same rows again change nothing; a good row is never lost because of a bad one
"""

from campaigns.ingest.customers import upsert_customers
from campaigns.ingest.events import add_events
from campaigns.ingest.results import Problem, RowResult, Status
from campaigns.ingest.sql import analyze

__all__ = ["Problem", "RowResult", "Status", "add_events", "analyze", "upsert_customers"]
