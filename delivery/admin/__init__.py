"""Screens of a retailer's console that show what stages 3 and 4 do: one file per subject."""

from delivery.admin import campaigns, customers, messages, runs, templates

__all__ = ["campaigns", "customers", "messages", "runs", "templates"]
