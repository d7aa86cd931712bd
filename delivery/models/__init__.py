"""Stage 3 and 4's tables, one set in every retailer's schema: the ledger, and the accounts that deliver."""

from delivery.models.ledger import Batch, DailyVolume, Message, OutcomeRecord, Preflight, Reconciliation
from delivery.models.providers import Provider, ProviderDomain, ProviderState

__all__ = [
    "Batch",
    "DailyVolume",
    "Message",
    "OutcomeRecord",
    "Preflight",
    "Provider",
    "ProviderDomain",
    "ProviderState",
    "Reconciliation",
]
