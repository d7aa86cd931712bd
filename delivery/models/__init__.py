"""Stage 3 and 4's tables, one set in every retailer's schema: the ledger, the accounts that deliver, the signals."""

from delivery.models.ledger import Batch, DailyVolume, Message, OutcomeRecord, Preflight, Reconciliation
from delivery.models.pacing import Throttle, Wave
from delivery.models.providers import Provider, ProviderDomain, ProviderState
from delivery.models.senders import Receivers, SenderDomain, WarmUpPick, WarmUpShare, WarmUpStep
from delivery.models.signals import Link, RawSignal, Signal
from delivery.models.subscriptions import Notice, Subscription

__all__ = [
    "Batch",
    "DailyVolume",
    "Link",
    "Message",
    "Notice",
    "OutcomeRecord",
    "Preflight",
    "Provider",
    "ProviderDomain",
    "ProviderState",
    "RawSignal",
    "Receivers",
    "Reconciliation",
    "SenderDomain",
    "Signal",
    "Subscription",
    "Throttle",
    "WarmUpPick",
    "WarmUpShare",
    "WarmUpStep",
    "Wave",
]
