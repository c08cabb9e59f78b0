"""What Odoo says of a lead, on the lead's page."""

from __future__ import annotations

from typing import Any

from icp.models import Lead
from odoo_sync.models import Kind, OdooConflict, OdooConnection

MOST = 10


def odoo_panel(lead: Lead) -> tuple[str, dict[str, Any]] | None:
    """Template and context for ``icp.lead_panels``; ``None`` while no Odoo is connected."""
    push = lead.odoo_pushes.select_related("connection").order_by("-connection__is_on").first()
    connection = push.connection if push else OdooConnection.objects.filter(is_on=True).first()
    if connection is None:
        return None
    records = list(push.records.order_by("pk")) if push else []
    return "odoo_sync/lead_panel.html", {
        "lead": lead,
        "push": push,
        "connection": connection,
        "records": [(Kind(row.kind).label, row) for row in records if row.odoo_id],
        "tries": list(push.tries.order_by("-pk")[:MOST]) if push else [],
        "outcomes": list(push.outcomes.order_by("-pk")[:MOST]) if push else [],
        "conflicts": OdooConflict.objects.filter(
            record__push=push, choice=OdooConflict.Choice.OPEN
        ).count()
        if push
        else 0,
    }
