"""Take rows of ``processor_queue``: what is done is history, all else waits for a person.

What was in flight becomes PENDING. Nothing begins by itself: each is paused, at a source that is
off.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from enrichment.harvest_models import HarvestRequest, HarvestSource
from icp.models import MovedRow
from icp.suppressions import hash_of
from leadgen_project.moving_in.earlier import moved_before, templates_of
from leadgen_project.moving_in.report import Tally
from leadgen_project.moving_in.rows import Kept, Outcome, Place, keep, read_each
from leadgen_project.moving_in.source import Row
from leadgen_project.moving_in.values import moment_in, said

Status = HarvestRequest.Status
SOURCE = "Former program"
COLUMNS = frozenset({"templateid", "city", "numberofleadstoprocess", "requesttimestamp", "status"})
WORDS = {
    "PENDING": Status.PENDING, "PROCESSING": Status.PENDING, "QUEUED": Status.PENDING,
    "COMPLETED": Status.COMPLETED, "DONE": Status.COMPLETED, "FAILED": Status.FAILED,
    "ERROR": Status.FAILED, "CANCELLED": Status.CANCELLED, "CANCELED": Status.CANCELLED,
}  # fmt: skip
MOST_WANTED = 100_000


@dataclass(slots=True)
class _Read:
    row: Row
    former_template: str
    city: str
    wanted: int
    at: datetime
    word: str

    @property
    def key_hash(self) -> str:
        about = (self.former_template, self.city.casefold(), str(self.wanted), str(self.at))
        return hash_of("REQUEST", "\n".join(about))


def take_requests(batch: list[Row], *, place: Place, tally: Tally, now: datetime) -> None:
    kept: list[Kept] = []
    found = list(read_each(batch, lambda row: _read(row, now=now), place=place, tally=tally,
                           kept=kept))  # fmt: skip
    before = moved_before((one.key_hash for one in found), table=place.table)
    templates = templates_of({one.former_template for one in found}, place=place)
    for one in found:
        known = before.get(one.key_hash)
        if known is not None:
            kept.append(_renew(one, known, now=now))
            continue
        made = _create(one, templates.get(one.former_template), place=place, now=now)
        kept.append(made)
        before[one.key_hash] = MovedRow(object_id=made.object_id)
        if one.word == "PROCESSING":
            tally.note("was in flight: waits, paused, until a person resumes it")
        if one.former_template and one.former_template not in templates:
            tally.note("its template is not here; the request waits without one")
    keep(kept, place=place, tally=tally)


def _read(row: Row, *, now: datetime) -> _Read:
    cells, reasons = row.cells, row.reasons
    number = said(cells, "numberofleadstoprocess") or said(cells, "numleads")
    try:
        wanted = int(float(number)) if number else 0
    except (ValueError, OverflowError):
        wanted = 0
    if not 0 < wanted <= MOST_WANTED:
        reasons.append(f"numberOfLeadsToProcess: {number[:40]!r} is no number of 1 to 100,000.")
    city = said(cells, "city")
    if not city or len(city) > 100:
        reasons.append("city: it needs one, of at most 100 characters.")
    word = said(cells, "status").upper() or "PENDING"
    if word not in WORDS:
        reasons.append(f"status: {word[:40]!r} is none of {', '.join(sorted(WORDS))}.")
    at = moment_in(cells, "requestTimestamp", reasons=reasons, now=now)
    return _Read(row, said(cells, "templateid"), city, wanted, at or now, word)


def _create(one: _Read, template_id: int | None, *, place: Place, now: datetime) -> Kept:
    status = WORDS[one.word]
    request = HarvestRequest.objects.create(
        source=_source(), city=one.city, category="", template_id=template_id, wanted=one.wanted,
        requested_by=str(place.move), requested_at=one.at, **_state(status, one, now=now),
    )  # fmt: skip
    return Kept(one.row, Outcome.CREATED, one.key_hash, object_id=request.pk,
                added={"status": status})  # fmt: skip


def _state(status: str, one: _Read, *, now: datetime) -> dict[str, Any]:
    is_open = status == Status.PENDING
    return {"status": status, "paused_at": now if is_open else None,
            "finished_at": None if is_open else one.at,
            "error": "The former program said so." if status == Status.FAILED else ""}  # fmt: skip


def _renew(one: _Read, known: MovedRow, *, now: datetime) -> Kept:
    """The same request in a later state; one that a person resumed here goes its own way."""
    status = WORDS[one.word]
    rows = HarvestRequest.objects.filter(
        pk=known.object_id or 0, status=Status.PENDING, paused_at__isnull=False
    )
    if status == Status.PENDING or not rows.update(**_state(status, one, now=now)):
        return Kept(one.row, Outcome.LINKED, one.key_hash, object_id=known.object_id)
    return Kept(one.row, Outcome.UPDATED, one.key_hash, object_id=known.object_id,
                added={"status": status, "before": {"status": Status.PENDING}})  # fmt: skip


def _source() -> HarvestSource:
    """A source that is off stands for those of the former program."""
    return HarvestSource.objects.get_or_create(
        name=SOURCE, defaults={"kind": HarvestSource.Kind.OPEN_DATA}
    )[0]
