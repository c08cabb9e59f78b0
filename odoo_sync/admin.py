"""The console's pages of this app register when their modules are read."""

from odoo_sync import connection_admin

__all__ = ["connection_admin"]
