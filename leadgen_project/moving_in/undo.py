"""Take a whole move back: what it made goes, what somebody worked on since stays and is listed.

Mail, harvests and templates first, then leads, since those hold on to these. Done in steps that
each commit; begun again after a kill it goes on. What was taken back can be moved in anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import models, transaction

from icp.models import Lead, Move, MovedRow
from leadgen_project.moving_in.move import MoveError, one_at_a_time
from leadgen_project.moving_in.undo_leads import undo_leads
from leadgen_project.moving_in.undo_rest import undo_messages, undo_requests, undo_templates
from tenants import audit

Status = Move.Status
STEP = 1_000
MOST_LISTED = 1_000
ASKED_BY = "asked_by"
ORDER = (
    ("email_queue", undo_messages),
    ("processor_queue", undo_requests),
    ("variation_storage", undo_templates),
    ("templates", undo_templates),
)


def undo(number: int, *, actor: str, now: datetime) -> dict[str, Any]:
    """Take move ``number`` back; returns what was removed, how many are kept, and why.

    Raises ``MoveError`` when there is no such move or it was undone.
    """
    with one_at_a_time():
        move = Move.objects.filter(pk=number).first()
        if move is None:
            raise MoveError(f"There is no move {number} here.")
        if move.status not in {Status.DONE, Status.RUNNING, Status.UNDOING}:
            raise MoveError(f"Move {number} is {move.get_status_display().lower()}.")
        Move.objects.filter(pk=move.pk).update(status=Status.UNDOING)
        removed: Counter[str] = Counter(move.undo_report.get("removed", {}))
        for table, take_back in ORDER:
            _each(move, removed, MovedRow.objects.filter(table=table), take_back)
        _each(move, removed, MovedRow.objects.exclude(lead=None), undo_leads)
        return _finish(move, removed, actor=actor, now=now)


def ask_to_undo(move: Move, *, actor: str) -> bool:
    """Note that ``actor`` wants it taken back; whether it can be. The work is ``undo``'s."""
    rows = Move.objects.filter(pk=move.pk)
    begun = rows.filter(status=Status.UNDOING).exists()
    noted = rows.filter(status__in=[Status.DONE, Status.RUNNING]).update(
        status=Status.UNDOING, undo_report={ASKED_BY: actor}
    )
    return begun or bool(noted)


def _each(
    move: Move, removed: Counter[str], rows: models.QuerySet[MovedRow], take_back: Any
) -> None:
    """Rows from the last to the first, so that what was changed twice comes back as it was."""
    for part in _parts(rows.filter(move=move)):
        with transaction.atomic():
            removed.update(take_back(part))
            move.undo_report = {**move.undo_report, "removed": dict(removed)}
            move.save(update_fields=["undo_report"])


def _parts(rows: models.QuerySet[MovedRow]) -> Iterator[list[MovedRow]]:
    last = None
    while True:
        wanted = rows.exclude(outcome="REFUSED").defer("original").order_by("-pk")
        part = list((wanted.filter(pk__lt=last) if last else wanted)[:STEP])
        if not part:
            return
        yield part
        last = part[-1].pk


def _finish(move: Move, removed: Counter[str], *, actor: str, now: datetime) -> dict[str, Any]:
    """Forget the rows that are gone, keep those in conflict, and write down what was done."""
    kept = move.rows.exclude(conflict="")
    names = dict(Lead.objects.filter(moved_rows__in=kept).values_list("pk", "name"))
    listed = [
        f"{row.table} row {row.position}"
        f"{f' ({names[row.lead_id]})' if row.lead_id in names else ''}: {row.conflict}"
        for row in kept.defer("original").order_by("table", "position")[:MOST_LISTED]
    ]  # fmt: skip
    report = {"removed": dict(removed), "conflicts": listed, "kept": kept.count()}
    with transaction.atomic():
        move.rows.filter(conflict="").delete()
        move.status, move.undone_at, move.undone_by = Status.UNDONE, now, actor
        move.undo_report = report
        move.save(update_fields=["status", "undone_at", "undone_by", "undo_report"])
        audit.record("moving_in.undo", actor=actor, subject=str(move),
                     after={"removed": report["removed"], "kept": report["kept"]})  # fmt: skip
    return report
