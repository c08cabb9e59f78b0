"""Take rows of ``variation_storage``, when asked to: drafts that wait for somebody's approval."""

from __future__ import annotations

from datetime import datetime

from icp.suppressions import hash_of
from leadgen_project.moving_in.earlier import templates_of
from leadgen_project.moving_in.report import Tally
from leadgen_project.moving_in.rows import Kept, Outcome, Place, keep, sift
from leadgen_project.moving_in.source import Row
from leadgen_project.moving_in.values import said
from outreach.models import TemplateVersion, Variation
from outreach.wording.templates import TemplateError, add_variation


def take_variations(batch: list[Row], *, place: Place, tally: Tally, now: datetime) -> None:
    rows = sift(batch, place=place, tally=tally)
    ids = templates_of({said(row.cells, "templateid") for row in rows}, place=place)
    kept = [_take(row, ids, place=place) for row in rows]
    keep(kept, place=place, tally=tally)


def _take(row: Row, ids: dict[str, int], *, place: Place) -> Kept:
    cells = row.cells
    subject = _first(cells, "subject", "variationsubject", "basesubject")
    body = _first(cells, "bodyhtml", "body", "variationbodyhtml", "variationbody", "basebodyhtml")
    version = TemplateVersion.objects.filter(
        template=ids.get(said(cells, "templateid"), 0), is_current=True
    ).first()
    if version is None:
        row.reasons.append("templateId: its template is not here.")
    if not body:
        row.reasons.append("bodyHtml: there is no text.")
    if version is not None and not row.reasons:
        try:
            made = add_variation(version, subject=subject or version.subject, body=body,
                                 source=Variation.Source.LLM, actor=str(place.move))  # fmt: skip
        except TemplateError as exc:
            row.reasons.append(str(exc))
        else:
            return Kept(row, Outcome.CREATED, hash_of("VARIATION", row.hash), object_id=made.pk)
    return Kept(row, Outcome.REFUSED, reasons=row.reasons)


def _first(cells: dict[str, str], *names: str) -> str:
    return next((cells[name] for name in names if cells.get(name)), "")
