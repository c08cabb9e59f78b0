"""The operator's jobs of this app; each page lives in its own module."""

from odoo_sync import conflict_admin, connection_admin, push_admin

__all__ = ["conflict_admin", "connection_admin", "push_admin"]
