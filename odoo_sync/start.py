"""Begin to send, now instead of tonight: what was accepted or is news, or leads somebody names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from odoo_sync.choose import choose, choose_by_hand, choose_news
from odoo_sync.models import OdooConnection, OdooPush
from odoo_sync.sync import can_go_on, connection_in_use
from odoo_sync.tend import call
from tenants import audit


class NoOdooError(Exception):
    """Nothing can go now; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Started:
    new: int
    changed: int
    waiting: int  # on their way, these and others


def start(*, actor: str, now: datetime) -> Started:
    """Send what was accepted or has changed. A second call finds nothing new.

    Raises ``NoOdooError`` also while the Odoo in use cannot be asked.
    """
    connection = _in_use()
    if not can_go_on(connection):
        why = connection.state_reason or "it has not answered, and is asked again by itself."
        raise NoOdooError(f"Odoo connection {connection} cannot be used now: {why}")
    new, changed = choose(connection, now=now), choose_news(connection, now=now)
    call(connection, now=now)
    audit.record("odoo_sync.push.start", actor=actor, subject=str(connection),
                 after={"new": new, "changed": changed})  # fmt: skip
    waiting = OdooPush.objects.filter(connection=connection, state=OdooPush.State.WAITING)
    return Started(new, changed, waiting.count())


def send(leads: Iterable[int], *, actor: str, now: datetime) -> int:
    """Send these, whatever became of them before; returns how many were not on their way already.

    While Odoo is away they wait for it. Raises ``NoOdooError`` where none is in use.
    """
    connection = _in_use()
    count = choose_by_hand(connection, leads, actor=actor, now=now)
    if count:
        call(connection, now=now)
    return count


def _in_use() -> OdooConnection:
    connection = connection_in_use()
    if connection is None:
        raise NoOdooError("No Odoo is in use. An owner connects one under Odoo connections.")
    return connection
