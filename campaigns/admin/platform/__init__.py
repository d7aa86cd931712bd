"""Screens of the platform's console: policy and defaults with their blast radius, blueprints, the audit trail."""

from campaigns.admin.platform import audit, blueprints, policy

__all__ = ["audit", "blueprints", "policy"]
