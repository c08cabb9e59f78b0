"""The scores as files: CSV streamed row by row, XLSX through a file; both in flat memory."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from openpyxl import Workbook
from openpyxl.utils import get_column_letter

from icp.taken_out import Leaving
from scoring.export_rows import (
    COLUMNS,
    attribution_of,
    attributions_of_listings,
    pairs_of,
    rows,
)
from scoring.models import Shortlist
from scoring.shortlist import TIE_BREAK
from tenants.context import current_schema
from tenants.files.csv_files import BOM
from tenants.files.csv_files import csv_lines as as_csv
from tenants.files.workbook import cells
from tenants.models import PipelineRun

KEPT_NIGHTS = 7  # with their files, whatever their age
NUMBERS = frozenset({"rank", "score", "scored_in_run", "run"})
WIDTHS = {"name": 38, "rationale": 70, "rationale_by_model": 70, "score_lines": 60, "summary": 50,
          "industry": 40, "contact_email": 30, "website": 34, "attribution": 40}  # fmt: skip


class NoFinishedRunError(Exception):
    """There is nothing to export yet; the text says what to do."""


def finished_run(run_id: int | None = None) -> PipelineRun:
    """The newest finished run of the current tenant, or the one asked for.

    Raises ``NoFinishedRunError``.
    """
    runs = PipelineRun.objects.filter(
        tenant_id=current_schema(), status=PipelineRun.Status.FINISHED
    )
    if run_id is not None:
        runs = runs.filter(pk=run_id)
    run = runs.order_by("-pk").first()
    if run is None:
        raise NoFinishedRunError(
            f"{current_schema()} has no finished run {run_id or ''}".rstrip()
            + ". Start a night under Runs; its scores can be exported when it has finished."
        )
    return run


def csv_lines(
    run: PipelineRun, *, only_shortlist: bool = False, leaving: Leaving | None = None
) -> Iterator[str]:
    """The CSV file, row by row: UTF-8 with BOM, CRLF, formulas neutralised, header first.

    ``leaving`` is told of each row.
    """
    yield BOM + next(as_csv([COLUMNS]))
    found = _told(rows(run, only_shortlist=only_shortlist), leaving)
    yield from as_csv([str(row[column]) for column in COLUMNS] for row in found)


def _told(found: Iterator[dict[str, Any]], leaving: Leaving | None) -> Iterator[dict[str, Any]]:
    for row in found:
        if leaving is not None:
            leaving.row(pairs_of(row))
        yield row


def write_xlsx(
    run: PipelineRun,
    target: IO[bytes],
    *,
    only_shortlist: bool = False,
    leaving: Leaving | None = None,
) -> int:
    """Write the workbook to ``target``; returns the number of leads. ``leaving`` is told of each.

    Sheet "Scores" holds the rows, sheet "About" says what they are and under which licence.
    Every text is a text cell whatever it begins with, so nothing in it can be a formula.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Scores")
    sheet.freeze_panes = "C2"
    for position, column in enumerate(COLUMNS, start=1):
        sheet.column_dimensions[get_column_letter(position)].width = WIDTHS.get(column, 16)
    sheet.append(cells(sheet, COLUMNS, bold=True))
    count = 0
    for row in _told(rows(run, only_shortlist=only_shortlist), leaving):
        sheet.append(cells(sheet, (row[column] for column in COLUMNS)))
        count += 1
    last = get_column_letter(len(COLUMNS))
    sheet.auto_filter.ref = f"A1:{last}{count + 1}"
    about = book.create_sheet("About")
    about.column_dimensions["A"].width = 22
    about.column_dimensions["B"].width = 110
    for line in _about(run, count=count, only_shortlist=only_shortlist):
        about.append(cells(about, line))
    book.save(target)
    return count


def _about(run: PipelineRun, *, count: int, only_shortlist: bool) -> list[tuple[str, str]]:
    shortlist = Shortlist.objects.filter(run_id=run.pk).select_related("card").first()
    ended = run.finished_at or run.started_at
    lines = [
        ("What", "The shortlist" if only_shortlist else "All open leads with their newest score"),
        ("Tenant", run.tenant_id),
        ("Run", f"{run.pk}, {ended.isoformat(timespec='minutes')}"),
        ("Leads", str(count)),
        ("Score card", str(shortlist.card) if shortlist else ""),
        ("ICP rule", str(run.plan.get("rule", ""))),
        ("Order", TIE_BREAK),
        ("Left out", "Leads rejected or suppressed at the time of the export."),
        ("Licence", attribution_of(run)),
        ("Listings", "; ".join(sorted({words for _, words in attributions_of_listings()}))),
    ]
    return [line for line in lines if line[1]]


def export_run(run: PipelineRun) -> list[Path]:
    """Write the files of ``run`` below the tenant's folder and return them, the shortlist first.

    All scores as CSV, the shortlist as CSV and XLSX. Each file appears whole or not at all; a
    second call writes the same files again.
    """
    folder = Path(settings.MEDIA_ROOT) / current_schema() / "exports" / f"run-{run.pk:06}"
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, only_shortlist in (("shortlist.csv", True), ("latest_scores.csv", False)):
        lines = csv_lines(run, only_shortlist=only_shortlist)
        paths.append(_write(folder / name, (line.encode() for line in lines)))
    book = folder / "shortlist.xlsx"
    draft = book.with_suffix(".part")
    with draft.open("wb") as target:
        write_xlsx(run, target, only_shortlist=True)
    draft.replace(book)
    return [paths[0], book, paths[1]]


def prune_exports(*, keep_days: int, now: datetime) -> int:
    """Remove the current tenant's files of nights older than that; returns of how many nights.

    The newest ``KEPT_NIGHTS`` stay however old they are. A second call removes nothing.
    """
    folder = Path(settings.MEDIA_ROOT) / current_schema() / "exports"
    nights = sorted(folder.glob("run-*")) if folder.exists() else []
    oldest = now.timestamp() - keep_days * 86_400
    removed = 0
    for night in nights[:-KEPT_NIGHTS]:
        if night.stat().st_mtime < oldest:
            shutil.rmtree(night)
            removed += 1
    return removed


def _write(path: Path, chunks: Iterable[bytes]) -> Path:
    draft = path.with_suffix(".part")
    with draft.open("wb") as target:
        for chunk in chunks:
            target.write(chunk)
    return draft.replace(path)
