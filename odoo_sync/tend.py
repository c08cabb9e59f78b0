"""What a tenant's Odoo needs every minute: what was put off goes, and what became of it is read."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from odoo_sync.models import OdooConnection, OdooPush
from odoo_sync.read_back import EVERY
from odoo_sync.recall import list_taken_back
from odoo_sync.sync import can_go_on, connection_in_use
from tenants.tasks import enqueue

PUSH, READ = "odoo_sync.tasks.push_leads", "odoo_sync.tasks.read_outcomes"
LOST_AFTER = timedelta(minutes=10)  # a task this late will not come
State = OdooPush.State


def tend_odoo(*, now: datetime) -> None:
    """Queue a task when something is due and none is on its way, and list what was taken back.

    Two small statements and a transaction without an Odoo.
    """
    list_taken_back()
    connection = connection_in_use()
    if connection is None or not can_go_on(connection):
        return
    due = Q(state=State.WAITING, not_before__lte=now) | Q(state=State.SENDING, held_until__lt=now)
    if OdooPush.objects.filter(due, connection=connection).exists():
        call(connection, now=now)
    if connection.read_at is None or connection.read_at < now - EVERY:
        # Noted at once, so that the next minute does not ask again; the task notes it once more.
        OdooConnection.objects.filter(pk=connection.pk).update(read_at=now)
        enqueue(READ)


def call(connection: OdooConnection, *, now: datetime) -> bool:
    """Queue a push, unless one is on its way."""
    free = Q(called_at=None) | Q(called_at__lt=now - LOST_AFTER)
    if not OdooConnection.objects.filter(free, pk=connection.pk).update(called_at=now):
        return False
    enqueue(PUSH)
    return True
