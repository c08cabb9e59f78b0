"""The operator's jobs of this app; each page lives in its own module."""

from icp import lead_admin, platform_suppression_admin, rule_admin, suppression_admin

__all__ = ["lead_admin", "platform_suppression_admin", "rule_admin", "suppression_admin"]
