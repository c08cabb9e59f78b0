"""A person's word on a conflict: Odoo's value stays, or ours is written."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from odoo_sync.choose import HAND
from odoo_sync.models import OdooConflict, OdooPush
from tenants import audit

Choice = OdooConflict.Choice


def decide(conflict_id: int, choice: str, *, actor: str, now: datetime) -> bool:
    """False when it is decided already or settled itself. Ours is written with the next sync.

    Raises ``ValueError`` for what is no choice.
    """
    if choice not in (Choice.OURS, Choice.THEIRS):
        raise ValueError("Say whose value is to stand.")
    with transaction.atomic():
        open_ = OdooConflict.objects.filter(pk=conflict_id, choice=Choice.OPEN)
        conflict = open_.select_related("record").select_for_update(of=("self",)).first()
        if conflict is None:
            return False
        conflict.choice, conflict.decided_by, conflict.decided_at = choice, actor[:150], now
        conflict.save(update_fields=["choice", "decided_by", "decided_at"])
        if choice == Choice.OURS:
            OdooPush.objects.filter(pk=conflict.record.push_id, state=OdooPush.State.DONE).update(
                state=OdooPush.State.WAITING, code=HAND, not_before=now
            )
        audit.record(
            "odoo_sync.conflict.decide", actor=actor, subject=f"Odoo conflict {conflict.pk}",
            after={"field": conflict.field, "choice": choice},
        )  # fmt: skip
    return True
