"""Each row that is kept: which were moved before, and one COPY for those of a batch."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from icp.models import Move, MovedRow
from leadgen_project.moving_in.report import Tally
from leadgen_project.moving_in.source import Row
from leadgen_project.moving_in.write import copy_rows
from tenants.context import connection

Outcome = MovedRow.Outcome
T = TypeVar("T")


@dataclass(slots=True)
class Kept:
    """What becomes of one row."""

    row: Row
    outcome: str
    key_hash: str = ""
    lead_id: int | None = None
    made_lead: bool = False
    object_id: int | None = None
    added: dict[str, Any] = field(default_factory=dict)
    reasons: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Which table of which file of which move is being taken."""

    move: Move
    file: int
    table: str
    file_name: str

    @property
    def method(self) -> str:
        return "import_sqlite"

    def reference(self, row: Row) -> str:
        return f"{self.file_name}, {self.table} row {row.position}"


def sift(batch: list[Row], *, place: Place, tally: Tally) -> list[Row]:
    """The rows that were not moved before by another move; the others are counted unchanged."""
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT row_hash FROM icp_movedrow WHERE row_hash = ANY(%s) AND "table" = %s'
            " AND outcome <> 'REFUSED' AND move_id <> %s",
            [[row.hash for row in batch], place.table, place.move.pk],
        )
        known = {found for (found,) in cursor.fetchall()}
    fresh = [row for row in batch if row.hash not in known]
    tally.count("unchanged", len(batch) - len(fresh))
    return fresh


def read_each(
    batch: list[Row], read: Callable[[Row], T], *, place: Place, tally: Tally, kept: list[Kept]
) -> Iterator[T]:
    """What each fresh row says; one with a mistake goes into ``kept`` as refused instead."""
    for row in sift(batch, place=place, tally=tally):
        one = read(row)
        if row.reasons:
            kept.append(Kept(row, Outcome.REFUSED, reasons=row.reasons))
        else:
            yield one


# What tells whether somebody edited a lead since: see ``undo``.
PRINTS = """
SELECT l.id AS lead_id, md5(concat_ws(E'\\x1f', l.name, l.website, l.uen, l.stage, l.review,
    l.rejection_code, c.said)) AS print
FROM icp_lead l
LEFT JOIN (
    SELECT lead_id, string_agg(concat_ws(E'\\x1f', kind, name, title, email, phone,
        is_mailable::text, verdict), E'\\x1e' ORDER BY id) AS said
    FROM enrichment_contact WHERE lead_id = ANY(%(leads)s) GROUP BY lead_id
) c ON c.lead_id = l.id
WHERE l.id = ANY(%(leads)s)
"""
_COLUMNS = ("move_id", "file", '"table"', "position", "outcome", "key_hash", "row_hash",
            "original", "reasons", "lead_id", "made_lead", "object_id", "added", "conflict",
            "print_hash")  # fmt: skip


def keep(kept: list[Kept], *, place: Place, tally: Tally) -> None:
    """Store the rows of a batch in their order, and count them. Refused ones without their facts.

    After leads and contacts are written: the prints are taken from what stands then.
    """
    kept.sort(key=lambda each: each.row.position)
    for each in kept:
        if each.outcome == Outcome.REFUSED:
            tally.refuse(each.reasons)
        else:
            tally.count(each.outcome.lower())
        tally.keep(each.row.hash)
    prints = _prints(each.lead_id for each in kept if each.made_lead and each.lead_id)
    head = (str(place.move.pk), str(place.file), place.table)
    copy_rows("icp_movedrow", _COLUMNS, (
        (*head, str(each.row.position), each.outcome, each.key_hash, each.row.hash,
         each.row.original, " ".join(each.reasons), each.lead_id, each.made_lead, each.object_id,
         json.dumps(each.added) if each.added else "{}", "",
         prints.get(each.lead_id or 0, "") if each.made_lead else "")
        for each in kept
    ))  # fmt: skip
    touched = {each.lead_id for each in kept if each.lead_id and not each.made_lead}
    _print_again(place.move, [pk for pk in touched if pk])


def _prints(leads: Iterable[int | None]) -> dict[int, str]:
    wanted = [pk for pk in leads if pk]
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(PRINTS, {"leads": wanted})
        return dict(cursor.fetchall())


def _print_again(move: Move, leads: list[int]) -> None:
    """A later row of this move added to a lead of its own: that is no edit."""
    if not leads:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE icp_movedrow r SET print_hash = p.print FROM ({PRINTS}) p"
            " WHERE r.lead_id = p.lead_id AND r.made_lead AND r.move_id = %(move)s",
            {"leads": leads, "move": move.pk},
        )
