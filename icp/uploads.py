"""What uploaded lists share: rows kept until somebody decides, once, and a file to mend."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import transaction

from icp.judge_rows import REASON_COLUMN, Row
from icp.models import ChangingUpload, Upload
from tenants.clock import database_now
from tenants.files.csv_files import csv_lines

NOT_ACCEPTED = {"header", "refused"}
ROW_FIELDS = [field.name for field in fields(Row)]
U = TypeVar("U", bound=Upload)
UNDECIDED_FOR = timedelta(days=1)  # then what was uploaded is forgotten


class UploadError(ValueError):
    """The upload cannot be decided or undone as asked; the text says why."""


def keep_preview(
    model: type[U], rows: Sequence[Row], *, file_name: str, actor: str, now: datetime, **more: Any
) -> U:
    """Keep what a file would do until somebody decides; what nobody decided is forgotten.

    ``more`` are values for columns that only this kind of upload has.
    """
    _forget_undecided(model, now=now)
    return model._default_manager.create(  # noqa: SLF001 -- Django's documented meta API
        file_name=file_name[:200], created_at=now, created_by=actor,
        accepted_rows=pack(row for row in rows if row.outcome not in NOT_ACCEPTED),
        refused_rows=pack(row for row in rows if row.outcome in NOT_ACCEPTED),
        **count_of(rows), **more,
    )  # fmt: skip


def count_of(rows: Iterable[Row]) -> dict[str, int]:
    """How many rows there are of each outcome, under the names of the upload's columns."""
    found = Counter(row.outcome for row in rows if row.outcome != "header")
    return {"new": 0, "present": 0, "refused": 0, **found}


def rows_of(upload: Upload) -> Iterator[Row]:
    """All rows still on record, in the order of the file. Accepted ones go once decided."""
    rows = [*unpack(upload.accepted_rows), *unpack(upload.refused_rows)]
    return iter(sorted((row for row in rows if row.number), key=lambda row: row.number))


def error_file(upload: Upload) -> str:
    """The refused rows as CSV: their own columns and why; mended, it can be uploaded as it is."""
    rows = unpack(upload.refused_rows)
    return "".join(csv_lines(
        # The header was kept with them.
        [*row.cells, " ".join(row.reasons) if row.number else REASON_COLUMN] for row in rows
    ))  # fmt: skip


def undecided(upload: U) -> U:
    """The row, locked. Raises ``UploadError`` when it was decided before."""
    locked = type(upload)._default_manager.select_for_update().get(pk=upload.pk)  # noqa: SLF001 -- Django's documented meta API
    if locked.status != Upload.Status.PREVIEWED:
        raise UploadError(f"It was decided before: {locked.get_status_display().lower()}.")
    return locked


def decide(
    upload: Upload, status: Upload.Status, *, actor: str, now: datetime,
    kept: Iterable[Row] | None = None,
) -> None:  # fmt: skip
    """Write down who decided what. Accepted rows are forgotten but for those ``kept``."""
    upload.status, upload.decided_at, upload.decided_by = status, now, actor
    upload.accepted_rows = None if kept is None else pack(kept)
    if status == Upload.Status.DISCARDED:
        upload.refused_rows = None
    upload.save()


@transaction.atomic
def discard(upload: Upload, *, actor: str, now: datetime | None = None) -> None:
    """Forget an upload that shall not be imported. Raises ``UploadError``."""
    decide(undecided(upload), Upload.Status.DISCARDED, actor=actor, now=now or database_now())


def imported(upload: Upload, rows: Sequence[Row], *, actor: str, now: datetime) -> None:
    """Write down that ``rows`` came in; what no longer could be is beside those refused at first.

    Rows that came in are kept. Saves what else was set on ``upload``.
    """
    _refuse_more(upload, rows)
    kept = (row for row in rows if row.outcome != "refused")
    decide(upload, Upload.Status.IMPORTED, actor=actor, now=now, kept=kept)


def undoable(upload: U, *, reason: str) -> U:
    """The row, locked. Raises ``UploadError`` without a reason or when there is nothing to undo."""
    if not reason.strip():
        raise UploadError("Say why: the reason stays in the audit.")
    locked = type(upload)._default_manager.select_for_update().get(pk=upload.pk)  # noqa: SLF001 -- Django's documented meta API
    if locked.status != Upload.Status.IMPORTED:
        raise UploadError(f"It is {locked.get_status_display().lower()}; nothing to undo.")
    return locked


def undone(upload: ChangingUpload, *, conflicts: Iterable[tuple[int, str]]) -> None:
    """Write down that what was imported was taken back, and why each row of ``conflicts`` stays."""
    upload.status, upload.accepted_rows, upload.applied_rows = Upload.Status.UNDONE, None, None
    upload.conflicts = sorted(conflicts)
    upload.save(update_fields=["status", "accepted_rows", "applied_rows", "conflicts"])


def _refuse_more(upload: Upload, rows: Sequence[Row]) -> None:
    """Put what can no longer be imported beside the rows refused at first, and count anew."""
    late = [row for row in rows if row.outcome == "refused"]
    if late:
        upload.refused_rows = pack([*unpack(upload.refused_rows), *late])
    for name, number in {"changed": 0, **count_of(rows)}.items():
        setattr(upload, name, number)  # where there is no such column nothing is kept
    upload.refused = sum(row.outcome == "refused" for row in unpack(upload.refused_rows))


def _forget_undecided(model: type[Upload], *, now: datetime) -> None:
    old = model._default_manager.filter(  # noqa: SLF001 -- Django's documented meta API
        status=Upload.Status.PREVIEWED, created_at__lt=now - UNDECIDED_FOR
    )
    old.update(status=Upload.Status.DISCARDED, accepted_rows=None, refused_rows=None,
               decided_at=now, decided_by="expired")  # fmt: skip


def pack(rows: Iterable[Row]) -> bytes:
    return pack_values([{name: getattr(row, name) for name in ROW_FIELDS} for row in rows])


def unpack(packed: Any) -> Iterator[Row]:
    yield from (Row(**row) for row in unpack_values(packed))


def pack_values(values: Any) -> bytes:
    """Whatever JSON holds, compressed."""
    return zlib.compress(json.dumps(values).encode(), 6)


def unpack_values(packed: Any) -> Any:
    return [] if packed is None else json.loads(zlib.decompress(bytes(packed)))
