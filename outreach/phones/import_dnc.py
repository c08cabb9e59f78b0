"""Take in a file of Do Not Call results: first see what it would do, then do all of it, or undo.

A result is never changed or removed. One whose import is undone is withdrawn, and says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from django.db import connection, transaction

from icp.copy_rows import copy_rows
from icp.judge_rows import Row, refuse
from icp.models import Suppression, Upload
from icp.read_table import read_table
from icp.suppressions import suppressed_among
from icp.uploads import imported, keep_preview, undecided, undoable, unpack
from outreach.phone_models import DncImport
from outreach.phones.dnc import VALID_FOR, Result
from outreach.phones.judge_dnc import judge_results
from tenants import audit
from tenants.clock import database_now
from tenants.console import audit_subject

Status = Upload.Status


# --- see ----------------------------------------------------------------------------------------
@transaction.atomic
def preview_results(
    content: bytes, *, file_name: str, actor: str, now: datetime | None = None
) -> DncImport:
    """Read the file and keep what it would do; no number is opened or closed yet.

    Raises ``UnreadableFileError`` when the file as a whole cannot be used.
    """
    now = now or database_now()
    sha256 = hashlib.sha256(content).hexdigest()
    rows = judge_results(read_table(content), seen_at=_first_seen(sha256) or now, now=now)
    look_up(rows)
    return keep_preview(DncImport, rows, file_name=file_name, actor=actor, now=now, sha256=sha256)


def _first_seen(sha256: str) -> datetime | None:
    """When this very file came first: a look is not made younger by uploading it again."""
    before = DncImport.objects.filter(sha256=sha256, status=Status.IMPORTED)
    return before.order_by("pk").values_list("created_at", flat=True).first()


def look_up(rows: list[Row]) -> None:
    """Tell accepted rows whose result is known, and refuse those that may not be kept."""
    accepted = [row for row in rows if row.values]
    _copy(accepted)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT place FROM uploaded u JOIN outreach_dncresult r ON r.number = u.number"
            " AND r.register = u.register AND r.checked_at = u.checked_at"
            " AND r.result = u.result AND r.withdrawn_at IS NULL"
        )
        known = {place for (place,) in cursor.fetchall()}
    # Nobody is called there whatever the register says, and of the erased nothing is kept again.
    silent = suppressed_among(Suppression.Kind.PHONE, {row.values[0][0] for row in accepted})
    for row in accepted:
        if row.values[0][0] in silent or not row.values[0][0].startswith("+"):
            refuse(row, "The number is suppressed.")
        elif row.number in known:
            row.outcome = "present"


# --- decide -------------------------------------------------------------------------------------
@transaction.atomic
def take_in(upload: DncImport, *, actor: str, now: datetime | None = None) -> int:
    """Store what the preview showed; returns how many results are new.

    What was suppressed since is refused. Raises ``UploadError`` when it was decided before.
    """
    now = now or database_now()
    upload = undecided(upload)
    _one_at_a_time()
    rows = list(unpack(upload.accepted_rows))
    look_up(rows)
    new = _store(upload, (row for row in rows if row.outcome == "new"), now=now)
    imported(upload, rows, actor=actor, now=now)
    audit.record("outreach.dnc.import", actor=actor, subject=audit_subject(upload),
                 after={"file": upload.file_name, "sha256": upload.sha256, "new": new,
                        "refused": upload.refused})  # fmt: skip
    return new


@transaction.atomic
def withdraw(upload: DncImport, *, reason: str, actor: str, now: datetime | None = None) -> int:
    """Withdraw the results that came by ``upload``; returns how many. Numbers close at once.

    What another standing import said as well stays known, from that one. Raises ``UploadError``.
    """
    now = now or database_now()
    locked = undoable(upload, reason=reason)
    _one_at_a_time()
    withdrawn = locked.results.filter(withdrawn_at=None).update(withdrawn_at=now)
    locked.status, locked.accepted_rows = Status.UNDONE, None
    locked.save(update_fields=["status", "accepted_rows"])
    kept = _store_from_others(now=now) if withdrawn else 0
    audit.record("outreach.dnc.undo", actor=actor, subject=audit_subject(locked),
                 after={"withdrawn": withdrawn, "known_from_others": kept},
                 reason=reason.strip())  # fmt: skip
    return withdrawn - kept


def _store_from_others(*, now: datetime) -> int:
    """Results that standing imports found there already, and that are there no more."""
    others = DncImport.objects.filter(status=Status.IMPORTED, present__gt=0)
    return sum(
        _store(other, (row for row in unpack(other.accepted_rows) if row.outcome == "present"),
               now=now)
        for other in others.order_by("pk").iterator(chunk_size=1)
    )  # fmt: skip


def _store(upload: DncImport, rows: Iterable[Row], *, now: datetime) -> int:
    """Store results under their import, in one statement; returns how many were not there."""
    _copy(rows)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO outreach_dncresult (number, register, result, checked_at, expires_at,"
            " reasoning, evidence_name, evidence_sha256, created_at, created_by, upload_id)"
            " SELECT number, register, result, checked_at,"
            " CASE WHEN result = %s THEN NULL ELSE checked_at + %s::interval END, reasoning,"
            " %s, %s, %s, %s, %s FROM uploaded WHERE starts_with(number, '+') ORDER BY place"
            " ON CONFLICT DO NOTHING",
            [Result.BUSINESS.value, f"{VALID_FOR.days} days", upload.file_name, upload.sha256, now,
             upload.created_by, upload.pk],
        )  # fmt: skip
        return cursor.rowcount


def _one_at_a_time() -> None:
    """What one import found there already must not be withdrawn before it has said so."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE outreach_dncresult IN SHARE ROW EXCLUSIVE MODE")


def _copy(rows: Iterable[Row]) -> None:
    values = ([row.number, *value] for row in rows for value in row.values)
    copy_rows(values, columns="place int, number text, register text, result text,"
                              " checked_at timestamptz, reasoning text")  # fmt: skip
