"""A tenant's own rows of the mapping, as the mapping takes them."""

from __future__ import annotations

from odoo_sync.mapping import Rule
from odoo_sync.models import OdooConnection


def own_rules(connection: OdooConnection) -> list[Rule]:
    rows = connection.mappings.order_by("kind", "field")
    return [Rule(row.kind, row.field, row.source, row.constant) for row in rows]
