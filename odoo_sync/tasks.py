"""What the queue runs for Odoo."""

from __future__ import annotations

import logging

from odoo_sync.clients.trouble import OdooError
from odoo_sync.models import OdooConnection
from odoo_sync.open import open_gateway
from odoo_sync.read_back import read_back
from odoo_sync.sync import can_go_on, connection_in_use, sync
from odoo_sync.tend import call
from tenants.clock import database_now
from tenants.tasks import tenant_task

logger = logging.getLogger(__name__)

TURN_SECONDS = 60.0


@tenant_task
def push_leads() -> None:
    """One turn of what waits for Odoo; what is left gets another."""
    connection = connection_in_use()
    if connection is None:
        return
    OdooConnection.objects.filter(pk=connection.pk).update(called_at=None)
    if sync(connection, seconds=TURN_SECONDS) and can_go_on(connection):
        now = database_now()
        if connection.pushes.filter(state="WAITING", not_before__lte=now).exists():
            call(connection, now=now)


@tenant_task
def read_outcomes() -> None:
    """Read stages, ends and salespeople back. Whoever comes second reads the same again."""
    connection = connection_in_use()
    if connection is None or not can_go_on(connection):
        return
    try:
        gateway = open_gateway(connection)
        try:
            read_back(connection, gateway)
        finally:
            gateway.close()
    except OdooError as exc:
        logger.warning("what became of leads was not read from Odoo: %s", exc.sentence)
