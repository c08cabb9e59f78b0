"""What uploaded lists share: rows kept until somebody decides, once, and a file to mend."""

from __future__ import annotations

import csv
import io
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, TypeVar

from icp.judge_rows import REASON_COLUMN, Row
from icp.models import Upload
from tenants.neutralise import for_csv

ROW_FIELDS = [field.name for field in fields(Row)]
U = TypeVar("U", bound=Upload)
UNDECIDED_FOR = timedelta(days=1)  # then what was uploaded is forgotten


class UploadError(ValueError):
    """The upload cannot be decided or undone as asked; the text says why."""


def keep_preview(
    model: type[U], rows: Sequence[Row], *, file_name: str, actor: str, now: datetime
) -> U:
    """Keep what a file would do until somebody decides; what nobody decided is forgotten."""
    _forget_undecided(model, now=now)
    outcomes = [row.outcome for row in rows]
    return model._default_manager.create(  # noqa: SLF001 -- Django's documented meta API
        file_name=file_name[:200], created_at=now, created_by=actor,
        new=outcomes.count("new"), present=outcomes.count("present"),
        refused=outcomes.count("refused"),
        accepted_rows=pack(row for row in rows if row.outcome in {"new", "present"}),
        refused_rows=pack(row for row in rows if row.outcome in {"header", "refused"}),
    )  # fmt: skip


def rows_of(upload: Upload) -> Iterator[Row]:
    """All rows still on record, in the order of the file. Accepted ones go once decided."""
    rows = [*unpack(upload.accepted_rows), *unpack(upload.refused_rows)]
    return iter(sorted((row for row in rows if row.number), key=lambda row: row.number))


def error_file(upload: Upload) -> str:
    """The refused rows as CSV: their own columns and why; mended, it can be uploaded as it is."""
    out = io.StringIO()
    writer = csv.writer(out)
    for row in unpack(upload.refused_rows):
        if row.number == 0:  # the header was kept with them
            writer.writerow([*map(for_csv, row.cells), REASON_COLUMN])
        else:
            writer.writerow([*map(for_csv, row.cells), " ".join(row.reasons)])
    return out.getvalue()


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


def _forget_undecided(model: type[Upload], *, now: datetime) -> None:
    old = model._default_manager.filter(  # noqa: SLF001 -- Django's documented meta API
        status=Upload.Status.PREVIEWED, created_at__lt=now - UNDECIDED_FOR
    )
    old.update(status=Upload.Status.DISCARDED, accepted_rows=None, refused_rows=None,
               decided_at=now, decided_by="expired")  # fmt: skip


def pack(rows: Iterable[Row]) -> bytes:
    plain = [{name: getattr(row, name) for name in ROW_FIELDS} for row in rows]  # asdict: 10 x
    return zlib.compress(json.dumps(plain).encode(), 6)


def unpack(packed: Any) -> Iterator[Row]:
    if packed is not None:
        yield from (Row(**row) for row in json.loads(zlib.decompress(bytes(packed))))
