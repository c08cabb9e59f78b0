"""What the pages of mail share."""

from __future__ import annotations

from tenants.tenant_page import TenantPage, name_of

__all__ = ["MailPage", "name_of"]


class MailPage(TenantPage):
    what_belongs = "Templates, campaigns and messages"
