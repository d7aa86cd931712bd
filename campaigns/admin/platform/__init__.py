"""Screens of the platform's console: policy with its blast radius, blueprints, suppressions, how segments are counted,
the audit trail.
"""

from campaigns.admin.platform import audit, blueprints, policy, segments, suppressions

__all__ = ["audit", "blueprints", "policy", "segments", "suppressions"]
