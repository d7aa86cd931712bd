"""Screens that show what stages 3 and 4 do, of a retailer's console and (bases) the platform's: a file per subject."""

from delivery.admin import bases, campaigns, customers, digest, messages, providers, runs, senders, templates

__all__ = ["bases", "campaigns", "customers", "digest", "messages", "providers", "runs", "senders", "templates"]
