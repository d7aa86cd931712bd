"""Stage 3 and 4's tables, one set in every retailer's schema: the ledger."""

from delivery.models.ledger import Batch, DailyVolume, Message, OutcomeRecord, Preflight, Reconciliation

__all__ = ["Batch", "DailyVolume", "Message", "OutcomeRecord", "Preflight", "Reconciliation"]
