"""What a new mailbox begins with: the e-mail provider settings of the tenant's configuration."""

from __future__ import annotations

from outreach.models import Mailbox
from tenants.context import current_schema
from tenants.models import TenantSettings

Kind = Mailbox.Transport
TRANSPORTS = {"graph": Kind.GRAPH_DRAFT, "gmail": Kind.GMAIL, "smtp": Kind.SMTP}


def begin_with() -> dict[str, str]:
    """Fields of a mailbox -> values, as far as ``updateConfig`` has set any. One statement."""
    rows = TenantSettings.objects.filter(pk=current_schema())
    chosen = rows.values_list("email_provider", flat=True).first() or {}
    found = {
        "transport": str(TRANSPORTS.get(chosen.get("transport", ""), "")),
        "display_name": chosen.get("fromName", ""),
        "reply_to": chosen.get("replyTo", ""),
    }
    return {name: value for name, value in found.items() if value}
