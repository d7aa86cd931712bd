"""The facts of customers: what each column of Facts means, and the proof that it holds.

Reads    Customer, Event, Suppression and PlatformSuppression, AttributeDefinition
Writes   Facts
Promise  ingest keeps every fact in the transaction of its change; recomputed from the rows, each is the same
"""

from campaigns.facts.truth import recompute
from campaigns.facts.upkeep import HOLD_OFF_ERASURE, follow, wait_for_turn, wait_to_erase

__all__ = ["HOLD_OFF_ERASURE", "follow", "recompute", "wait_for_turn", "wait_to_erase"]
