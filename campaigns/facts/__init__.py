"""The facts of customers: what each column of Facts means, and the proof that it holds.

Reads    Customer, Event, Suppression and PlatformSuppression, AttributeDefinition
Writes   Facts
Promise  ingest keeps every fact in the transaction of its change; recomputed from the rows, each is the same
"""

from campaigns.facts.truth import recompute
from campaigns.facts.upkeep import follow, wait_for_turn

__all__ = ["follow", "recompute", "wait_for_turn"]
