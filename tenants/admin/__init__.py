"""The platform's console: retailers, groups, emergency stops, what is due, and when the clock rings."""

from tenants.admin import clock, groups, retailers, stopping

__all__ = ["clock", "groups", "retailers", "stopping"]
