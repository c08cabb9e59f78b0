"""Long work of moves, in the background."""

from __future__ import annotations

import logging

from icp.models import Move
from leadgen_project.moving_in.move import MoveError
from leadgen_project.moving_in.undo import ASKED_BY, undo
from tenants.clock import database_now
from tenants.tasks import tenant_task

logger = logging.getLogger(__name__)


@tenant_task
def undo_move(*, move_id: int) -> None:
    """Take a move back that somebody asked to be taken back; a second call finds it done."""
    move = Move.objects.filter(pk=move_id, status=Move.Status.UNDOING).first()
    if move is None:
        return
    try:
        undo(move_id, actor=move.undo_report.get(ASKED_BY, "console"), now=database_now())
    except MoveError as exc:
        logger.info("move %s was not taken back: %s", move_id, exc)
