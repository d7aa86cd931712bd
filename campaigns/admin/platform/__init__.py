"""Screens of the platform's console: policy with its blast radius, blueprints, suppressions, the audit trail."""

from campaigns.admin.platform import audit, blueprints, policy, suppressions

__all__ = ["audit", "blueprints", "policy", "suppressions"]
