"""Import suppressions from a file: first see what it would do, row by row, then do all or nothing.

A row with any mistake is refused with all its mistakes and can be had back as a file to mend.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from icp.copy_rows import copy_rows
from icp.judge_rows import Row, judge_rows
from icp.models import Suppression, SuppressionImport
from icp.read_table import read_table
from icp.suppressions import SuppressionError, take_back, take_effect
from icp.uploads import UploadError, decide, keep_preview, undecided, unpack
from tenants import audit

Kind = Suppression.Kind
Status = SuppressionImport.Status


# --- see ----------------------------------------------------------------------------------------
@transaction.atomic
def preview_import(
    content: bytes, *, file_name: str, reason: str, actor: str, now: datetime | None = None
) -> SuppressionImport:
    """Read the file and keep what it would do; suppresses nobody yet.

    ``reason`` stands for rows without their own. Raises ``UnreadableFileError`` when the file as a
    whole cannot be used, ``SuppressionError`` without a reason.
    """
    now = now or timezone.now()
    if not reason.strip():
        raise SuppressionError("Say why these shall be suppressed, for rows without a reason.")
    rows = judge_rows(read_table(content), reason=reason.strip()[:500])
    _mark_present(rows)
    return keep_preview(SuppressionImport, rows, file_name=file_name, actor=actor, now=now)


# --- decide -------------------------------------------------------------------------------------
@transaction.atomic
def confirm_import(upload: SuppressionImport, *, actor: str, now: datetime | None = None) -> int:
    """Suppress what the preview said, in one statement; returns how many are new.

    What was suppressed since is left as it is. Raises ``UploadError`` when it was decided
    before, so a second click changes nothing.
    """
    now = now or timezone.now()
    upload = undecided(upload)
    values = [value for row in unpack(upload.accepted_rows) for value in row.values]
    _copy(values)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO icp_suppression (kind, value, value_hash, reason, source, created_at,"
            " created_by, lifted_by, lift_reason)"
            " SELECT DISTINCT ON (kind, value_hash) kind, value, value_hash, reason, %s, %s, %s,"
            " '', '' FROM uploaded ORDER BY kind, value_hash, place ON CONFLICT DO NOTHING",
            [upload.source, now, actor],
        )
        added = cursor.rowcount
        cursor.execute(
            "INSERT INTO icp_suppressionagain (suppression_id, reason, source, created_at,"
            " created_by) SELECT DISTINCT ON (s.id) s.id, u.reason, %s, %s, %s FROM uploaded u"
            " JOIN icp_suppression s ON s.kind = u.kind AND s.value_hash = u.value_hash"
            " AND s.lifted_at IS NULL AND s.source <> %s ORDER BY s.id, u.place"
            " ON CONFLICT DO NOTHING",
            [upload.source, now, actor, upload.source],
        )
    decide(upload, Status.IMPORTED, actor=actor, now=now)
    if added:
        take_effect(Suppression.objects.filter(source=upload.source, lifted_at=None), now=now)
    after = {"file": upload.file_name, "added": added, "refused": upload.refused}
    audit.record("icp.suppression.import", actor=actor, subject=str(upload), after=after)
    return added


@transaction.atomic
def undo_import(
    upload: SuppressionImport, *, reason: str, actor: str, now: datetime | None = None
) -> int:
    """Lift what this import added and still stands; returns how many. The rows stay, as always.

    What stood before the import, or was asked for by another door since, is not touched.
    """
    locked = SuppressionImport.objects.select_for_update().get(pk=upload.pk)
    if locked.status != Status.IMPORTED:
        raise UploadError(f"It is {locked.get_status_display().lower()}; nothing to undo.")
    lifted = take_back(locked.source, reason=reason, actor=actor, now=now)
    locked.status = Status.UNDONE
    locked.save(update_fields=["status"])
    return lifted


# --- rows -------------------------------------------------------------------------------------
def _mark_present(rows: list[Row]) -> None:
    """Tell rows whose every value is suppressed already, or stands further up in the file."""
    _copy([value for row in rows for value in row.values])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT u.kind, u.value_hash FROM uploaded u JOIN icp_suppression s"
            " ON s.kind = u.kind AND s.value_hash = u.value_hash AND s.lifted_at IS NULL"
        )
        known = set(cursor.fetchall())
    for row in rows:
        keys = {(value[0], value[2]) for value in row.values}
        if keys and keys <= known:
            row.outcome = "present"
        known |= keys


def _copy(values: Iterable[list[str]]) -> None:
    rows = ([place, *value] for place, value in enumerate(values))
    copy_rows(rows, columns="place int, kind text, value text, value_hash text, reason text")
