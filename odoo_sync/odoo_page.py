"""What the pages of this app share."""

from __future__ import annotations

from tenants.tenant_page import TenantPage

EDIT, PUSH, DECIDE = "odoo_sync.edit_connection", "odoo_sync.push", "odoo_sync.decide"


class OdooPage(TenantPage):
    what_belongs = "Leads in Odoo"
